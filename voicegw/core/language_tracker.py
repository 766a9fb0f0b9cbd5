"""The language tracker: which language the decode jobs of a session request.

In a session that detects its language or uses the server's default, each result names its language. After 3 s
of speech in a row in one language, the session keeps that language. Shorter speech is unreliable: a small
model names the wrong language for a quarter of windows of 1 to 2 s.
"""

import msgspec

from voicegw.core.jobs import AUTO_LANGUAGE

_KEPT_AFTER_MS = 3000


class LanguageTracker(msgspec.Struct, array_like=True):
    """requested: the language that decode jobs ask for: an ISO 639-1 code, AUTO_LANGUAGE, or empty for the
    server's default. run: the language of the last utterances, and the length of their speech in ms."""

    requested: str
    run: tuple[str, int] = ("", 0)

    def learn(self, language: str, voiced_ms: int) -> None:
        """Adds an utterance in a language; empty where it is unknown. voiced_ms: the length of its speech."""
        if not language or self.requested not in ("", AUTO_LANGUAGE):
            return
        latest, so_far_ms = self.run
        run_ms = voiced_ms + (so_far_ms if latest == language else 0)
        self.run = language, run_ms
        if run_ms >= _KEPT_AFTER_MS:
            self.requested = language
