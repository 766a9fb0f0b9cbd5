"""A live session: its connection, its tasks (recognition, LLM, TTS, tools), outbox and write-ahead log."""
