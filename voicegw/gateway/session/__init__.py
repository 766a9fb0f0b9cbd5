"""A live session: its connection, its tasks (recognition, reply, voice, tools), its outbox, what is saved."""
