"""Sockets around the core: listening, admission, one connection a session, what goes out of it."""
