"""Who writes the assistant's side: a language model behind an endpoint, or the built-in responder.

Both are a `Responder` (core/responder.py), so the gateway never knows which one it holds.
"""
