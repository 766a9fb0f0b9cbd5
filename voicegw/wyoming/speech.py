"""Speaks a text: its sentences one after the other, as events with audio."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from voicegw.core.sentences import SentenceSplitter
from voicegw.core.speech_output import Voice
from voicegw.errors import InvalidParameter, UnsupportedReply
from voicegw.wyoming.requests import MAX_TEXT_CHARACTERS, Synthesize, VoiceChoice

RATE = 22_050  # that of espeak-ng and of most Piper models
_SHAPE = {"rate": RATE, "width": 2, "channels": 1}


async def speak(request: Synthesize, voice: Voice | None) -> AsyncGenerator[Event, None]:
    """The events of the audio. Raises UnsupportedReply without a voice, InvalidParameter for a long text, and
    VoiceFailed."""
    if voice is None:
        raise UnsupportedReply("this server has no voice: see --voice-engine")
    if len(request.text) > MAX_TEXT_CHARACTERS:
        raise InvalidParameter(f"a text has at most {MAX_TEXT_CHARACTERS} characters")
    chosen = request.voice or VoiceChoice()
    language = (chosen.language or "").replace("_", "-").partition("-")[0].lower()
    splitter = SentenceSplitter()
    yield AudioStart(**_SHAPE).event()
    for sentence in (*splitter.push(request.text), *splitter.flush()):
        async with aclosing(voice.speak(sentence.text, RATE, language, chosen.speaker or "")) as pieces:
            async for pcm in pieces:
                yield AudioChunk(**_SHAPE, audio=pcm).event()
    yield AudioStop().event()
