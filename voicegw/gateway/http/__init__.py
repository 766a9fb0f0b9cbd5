"""From a TCP connection to an accepted WebSocket: TLS, the limits of handshakes, plain pages, refusals."""
