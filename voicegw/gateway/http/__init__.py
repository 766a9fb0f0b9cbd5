"""From a TCP connection to an accepted WebSocket: TLS, handshake limits, HTTP pages, refusals."""
