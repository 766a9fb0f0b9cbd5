"""The server: `http` accepts connections, `auth` and `limits` admit clients, `session` serves them."""
