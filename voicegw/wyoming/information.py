"""The description of this server for clients."""

from typing import Any

from wyoming.info import AsrModel, AsrProgram, Attribution, Info, TtsProgram, TtsVoice

from voicegw.core.speech_output import Voice
from voicegw.wyoming.options import WyomingOptions
from voicegw.wyoming.speech import voice_names

_NAME = "voicegw"


def information(options: WyomingOptions, voice: Voice | None, version: str) -> Info:
    """The programs: transcription, and speech where there is a voice."""
    languages = list(options.languages)
    common: dict[str, Any] = {
        "attribution": Attribution(name=_NAME, url=""),
        "installed": True,
        "version": version,
    }
    model = AsrModel(name=_NAME, description="the gateway's model", languages=languages, **common)
    asr = AsrProgram(
        name=_NAME,
        description="streaming transcription",
        models=[model],
        supports_transcript_streaming=True,
        **common,
    )
    if voice is None:
        return Info(asr=[asr])
    spoken = [
        TtsVoice(name=name, description=f"the configured voice ({language})", languages=[language], **common)
        for name, language in voice_names(voice, languages).items()
    ]
    tts = TtsProgram(
        name=_NAME,
        description="text to speech",
        voices=spoken,
        supports_synthesize_streaming=True,
        **common,
    )
    return Info(asr=[asr], tts=[tts])
