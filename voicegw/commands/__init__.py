"""The commands of `voicegw`. Only they and assistant.py name the concrete components of a server."""
