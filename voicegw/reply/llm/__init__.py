"""The language model behind an OpenAI-compatible endpoint: the request and its prompt, the stream of a reply,
errors and deadlines, the second endpoint, prewarming and readiness.
"""
