"""The server: `http` accepts connections, `auth` and `limits` decide who may come in, `session` serves."""
