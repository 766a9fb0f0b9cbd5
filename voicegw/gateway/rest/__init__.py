"""OpenAI's REST API for speech, on the port of the WebSockets: files, models and client secrets."""
