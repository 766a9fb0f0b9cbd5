"""The language that a session's decodes are to be in.

A session that is asked to find out its language, or to use the server's default, is told by each decode
which language it was in. It keeps the one that so much speech in a row was in that a recogniser is hardly
mistaken any more; a small one names the wrong language for a fourth of the windows of 1 to 2 s.
"""

import msgspec

from voicegw.core.jobs import AUTO_LANGUAGE

_KEPT_AFTER_MS = 3000  # of speech in it


class LanguageTracker(msgspec.Struct, array_like=True):
    """requested: the language that decode jobs ask for: an ISO 639-1 code, AUTO_LANGUAGE, or empty for the
    server's default. run: the language of the last utterances, and the length of their speech in ms."""

    requested: str
    run: tuple[str, int] = ("", 0)

    def learn(self, language: str, voiced_ms: int) -> None:
        """An utterance with so much speech was in this language; empty where that is not known."""
        if not language or self.requested not in ("", AUTO_LANGUAGE):
            return
        latest, so_far_ms = self.run
        run_ms = voiced_ms + (so_far_ms if latest == language else 0)
        self.run = language, run_ms
        if run_ms >= _KEPT_AFTER_MS:
            self.requested = language
