"""The built-in responder, for a server without a language model: its rules, and the stream of its replies."""
