"""Loads Whisper into worker processes: its weights, its options, and the settings that its runtime
(CTranslate2) needs.

CTranslate2 holds Python's lock for a small part of a decode only, so several threads decode at once with one
copy of the weights.
"""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import msgspec

from voicegw.asr import weights
from voicegw.asr.engine import EngineSpec
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions

_WIDE_INSTRUCTIONS = "avx512_vnni"  # processors that have it do not slow down for 512-bit instructions


class _Setup(msgspec.Struct, frozen=True):
    """What a worker process loads."""

    directory: str
    options: WhisperOptions


class WhisperSource:
    """The EngineSource of Whisper."""

    def __init__(self, options: WhisperOptions) -> None:
        self._options = options

    @cached_property
    def environment(self) -> dict[str, str]:
        """The widest instructions that are faster here; CTranslate2 does not use them by default."""
        return {"CT2_FORCE_CPU_ISA": "AVX512"} if _has_wide_instructions() else {}

    async def prepare(self) -> EngineSpec:
        """Gets the weights. Raises ModelUnavailable."""
        return spec_of(await weights.get(self._options.model), self._options)


def spec_of(directory: Path, options: WhisperOptions) -> EngineSpec:
    """The engine with the weights in `directory`."""
    return EngineSpec(
        f"{__name__}:{load.__name__}",
        msgspec.msgpack.encode(_Setup(str(directory), options)),
        threads=options.threads,
        max_batch=options.max_batch,
        end_of_turn=options.end_of_turn,
        shares_device=options.device != "cpu",
    )


def load(options: bytes, threads: int, at_once: int) -> WhisperEngine:
    """See Loader."""
    setup = msgspec.msgpack.decode(options, type=_Setup)
    return WhisperEngine(Path(setup.directory), replace(setup.options, threads=threads), at_once)


def _has_wide_instructions() -> bool:
    """Whether CTranslate2 is faster with 512-bit instructions here."""
    try:
        return _WIDE_INSTRUCTIONS in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
