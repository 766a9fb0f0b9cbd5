"""A neural voice on this machine: a Piper model, run by piper-tts (GPL-3.0, an extra that users install).

A sentence is synthesised in pieces that end at a comma or the like, so that a long one starts to be heard
early and calls take turns. A piece cannot be stopped: after an interruption its thread is busy to its end.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from voicegw.errors import ModelUnavailable, StartupError, VoiceFailed
from voicegw.reply.voice.piper_models import config_of, find
from voicegw.reply.voice.sentence_voice import VoiceOptions

if TYPE_CHECKING:
    from piper import PiperVoice, SynthesisConfig

_CLAUSE_END = re.compile(r"(?<=[,;:])\s+")
_PIECE_CHARACTERS = 30  # shorter ones sound chopped, and cost more for each character
_YIELD_BYTES = 8192  # about 190 ms: the event loop resamples this much at a time


class PiperEngine:
    """Synthesises speech in threads. The model is loaded and warm after construction. Raises
    ModelUnavailable, or StartupError for an unknown speaker."""

    name = "piper"

    def __init__(self, options: VoiceOptions) -> None:
        model = find(options.model)
        self._voice = _load(model)
        self.rate = self._voice.config.sample_rate
        self._speed = options.speed
        self._max_pending = options.threads + options.max_waiting
        self._pending = 0
        self._threads = ThreadPoolExecutor(options.threads, "voice")
        try:
            self._speaker = self._speaker_id(options.name or "")
        except VoiceFailed as error:
            raise StartupError(f"{error.message}; --voice-name sets it") from None
        self._audio("Hello.", self._speaker, 1.0)

    def _speaker_id(self, name: str) -> int | None:
        """The number of a speaker by its name or number; None for the default."""
        config = self._voice.config
        if not name:
            return None
        if name in config.speaker_id_map:
            return config.speaker_id_map[name]
        if name.isdecimal() and len(name) < 6 and int(name) < config.num_speakers:
            return int(name)
        raise VoiceFailed(f"the piper voice has no speaker {name[:40]!r}")

    async def synthesise(
        self, words: str, voice: str = "", speed: float = 1.0
    ) -> AsyncGenerator[bytes, None]:
        """Mono s16le, piece by piece. Closing the generator gives up the pieces that have not begun."""
        speaker = self._speaker_id(voice) if voice else self._speaker
        for piece in _pieces(words):
            audio = await self._in_thread(piece, speaker, speed)
            for begin in range(0, len(audio), _YIELD_BYTES):
                yield audio[begin : begin + _YIELD_BYTES]
                await asyncio.sleep(0)

    async def _in_thread(self, piece: str, speaker: int | None, speed: float) -> bytes:
        if self._pending >= self._max_pending:
            raise VoiceFailed("too many sentences wait for the voice")
        self._pending += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._audio, piece, speaker, speed)
        finally:
            self._pending -= 1

    def _audio(self, piece: str, speaker: int | None, speed: float) -> bytes:
        chunks = self._voice.synthesize(piece, self._synthesis(speaker, speed))
        return b"".join(chunk.audio_int16_bytes for chunk in chunks)

    def _synthesis(self, speaker: int | None, speed: float) -> "SynthesisConfig":
        from piper import SynthesisConfig

        length_scale = self._voice.config.length_scale / (self._speed * speed)
        return SynthesisConfig(speaker_id=speaker, length_scale=length_scale)

    async def close(self) -> None:
        """Waits for the pieces in synthesis."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)


def _load(model: Path) -> "PiperVoice":
    """The model, with one thread for each sentence, so that recognition keeps the other cores, and without
    the arena, which would keep the memory of the longest piece."""
    from onnxruntime import InferenceSession, SessionOptions
    from piper import PiperConfig, PiperVoice

    logging.getLogger("piper").setLevel(logging.ERROR)  # it logs texts
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    try:
        config = PiperConfig.from_dict(json.loads(config_of(model).read_bytes()))
        session = InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelUnavailable(f"{model} is not a Piper voice that can be loaded: {error}") from error
    return PiperVoice(session, config)


def _pieces(words: str) -> Iterator[str]:
    """The sentence in pieces that end with a clause and are not short."""
    begin = 0
    for found in _CLAUSE_END.finditer(words):
        if min(found.start() - begin, len(words) - found.end()) >= _PIECE_CHARACTERS:
            yield words[begin : found.start()]
            begin = found.end()
    yield words[begin:]
