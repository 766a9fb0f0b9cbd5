"""Speaks a text while it is written: one sentence after the other, as events with audio."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from voicegw.core.sentences import Sentence, SentenceSplitter
from voicegw.core.speech_output import Voice
from voicegw.errors import InvalidParameter, UnsupportedReply
from voicegw.wyoming.requests import MAX_TEXT_CHARACTERS, VoiceChoice

RATE = 22_050  # that of espeak-ng and of most Piper models
_SHAPE = {"rate": RATE, "width": 2, "channels": 1}


def voice_names(voice: Voice, languages: Sequence[str]) -> dict[str, str]:
    """The names of the voice for clients, one for each language: most clients state only a name."""
    if len(languages) == 1:
        return {voice.name: languages[0]}
    return {f"{voice.name}-{language}": language for language in languages}


class Speech:
    """One text. languages: the first one is that of a text whose client states none. Raises UnsupportedReply
    when the server has no voice. The methods raise InvalidParameter for a long text, and VoiceFailed."""

    def __init__(self, voice: Voice | None, choice: VoiceChoice | None, languages: Sequence[str]) -> None:
        if voice is None:
            raise UnsupportedReply("this server has no voice: see --voice-engine")
        choice = choice or VoiceChoice()
        self._voice = voice
        self._speaker = choice.speaker or ""
        default = next(iter(languages), "")
        language = choice.language or voice_names(voice, languages).get(choice.name or "", default)
        self._language = language.replace("_", "-").partition("-")[0].lower()
        self._splitter = SentenceSplitter()
        self._characters = 0
        self._started = False

    async def add(self, text: str) -> AsyncGenerator[Event, None]:
        """The audio of the sentences that `text` completes."""
        self._characters += len(text)
        if self._characters > MAX_TEXT_CHARACTERS:
            raise InvalidParameter(f"a text has at most {MAX_TEXT_CHARACTERS} characters")
        async for event in self._speak(self._splitter.push(text)):
            yield event

    async def finish(self) -> AsyncGenerator[Event, None]:
        """The rest of the audio, and its end."""
        async for event in self._speak(self._splitter.flush()):
            yield event
        if not self._started:
            yield AudioStart(**_SHAPE).event()
        yield AudioStop().event()

    async def _speak(self, sentences: Iterable[Sentence]) -> AsyncGenerator[Event, None]:
        for sentence in sentences:
            if not self._started:
                self._started = True
                yield AudioStart(**_SHAPE).event()
            audio = self._voice.speak(sentence.text, RATE, self._language, self._speaker)
            async with aclosing(audio) as pieces:
                async for pcm in pieces:
                    yield AudioChunk(**_SHAPE, audio=pcm).event()
