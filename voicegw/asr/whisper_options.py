"""The options of the speech model."""

from dataclasses import dataclass

from voicegw.core.languages import is_language
from voicegw.core.options import option
from voicegw.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """Which speech model, on what, decoded how."""

    model: str = option(
        "base",
        "Whisper model: a CTranslate2 directory; else a name (`base` from the extra whisper-base, else from "
        "the model hub, where @COMMIT behind it is the revision), or `bundled`",
    )
    device: str = option("cpu", "cpu, cuda or auto")
    compute_type: str = option("int8", "CTranslate2 number format, such as int8, float16 or default")
    threads: int = option(0, "threads of one decode; 0 for what a calibration at start finds", ge=0, le=64)
    max_batch: int = option(8, "most windows decoded together; fewer where a batch does not pay", ge=1, le=64)
    language: str = option(
        "", "ISO 639-1 code of what is spoken, or auto; for multilingual models; empty is en"
    )
    end_of_turn: bool = option(False, "hear whether a speaker has finished, by the model of pipecat-ai")
    beam_size: int = option(5, "beam of final decodes whose greedy text is not sure; 1: none", ge=1, le=20)
    strictness: float = option(
        0.0, "how sure it must be that text is speech: above 0 rejects more, below 0 less", ge=-9, le=9
    )

    def __post_init__(self) -> None:
        if not is_language(self.language):
            raise ConfigurationError(f"asr.language: {self.language!r} is no language that Whisper knows")
