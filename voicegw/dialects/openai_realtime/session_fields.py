"""The session object of the protocol: what a client has set, and what has an effect here.

An update changes the fields that it names. A field that the server does not support, or a value of a wrong
kind, is ignored, because clients end their session at any error; the object that is sent back shows what is
in effect. Fields that only have to be shown again are kept as they came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from voicegw.core.commands import Configure, ReplyMode
from voicegw.core.profile import given
from voicegw.core.text import encodable
from voicegw.dialects.openai_realtime.audio_formats import RealtimeFormat, format_of
from voicegw.dialects.openai_realtime.reply_fields import declared_tools, reply_parameters
from voicegw.dialects.openai_realtime.transcription_fields import transcription_settings
from voicegw.dialects.openai_realtime.turn_fields import ServerVad, TurnDetection, turn_detection_of
from voicegw.dialects.openai_realtime.voice_fields import speed_of, voice_of

CONVERSATION, TRANSCRIPTION = "realtime", "transcription"
_SHOWN = (
    *("max_output_tokens", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "truncation"),
    *("prompt", "tracing", "include"),
)
MAX_INSTRUCTIONS_CHARACTERS = 32_000
MAX_SHOWN_CHARACTERS = 64_000
MAX_VALUE_CHARACTERS = 8_000  # of any other field
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class SessionFields:
    """The effective session. speaks: the server has a voice; passes_voices: its engine knows the voices of
    this protocol by name. shown: fields that are shown as the client set them. fixed: by the client's token;
    what the client sets instead has no effect."""

    type: str
    model: str
    speaks: bool
    passes_voices: bool
    input_format: RealtimeFormat = RealtimeFormat.PCM
    output_format: RealtimeFormat = RealtimeFormat.PCM
    modality: str = "audio"
    instructions: str | None = None
    turn_detection: TurnDetection = field(default_factory=ServerVad)
    transcription: Mapping[str, Any] | None = None
    noise_reduction: Any = None
    voice: Any = None
    speed: float = 1.0
    shown: Mapping[str, Any] = field(default_factory=dict)
    fixed: Configure = field(default_factory=Configure)

    @property
    def transcribes(self) -> bool:
        """Whether the client receives transcripts of its audio."""
        return self.type == TRANSCRIPTION or self.transcription is not None

    @property
    def reply(self) -> ReplyMode:
        """The reply mode of the session."""
        if self.fixed.reply is not None:
            return self.fixed.reply
        if self.type == TRANSCRIPTION:
            return ReplyMode.NONE
        return self.mode_of(self.modality)

    def mode_of(self, modality: str) -> ReplyMode:
        """The mode of replies in this modality: text where the server has no voice."""
        if self.fixed.reply is not None:
            return self.fixed.reply
        return ReplyMode.AUDIO if modality == "audio" and self.speaks else ReplyMode.TEXT

    @cached_property
    def configuration(self) -> Configure:
        """The settings of the session as a command. Cached, because it converts the tools."""
        truncation = self.shown.get("truncation")
        tokens = _count(_mapping(_mapping(truncation).get("token_limits")).get("post_instructions"))
        wanted = Configure(
            **self.turn_detection.settings(),
            **transcription_settings(self.transcription),
            reply=self.reply,
            instructions=self.instructions,
            voice=voice_of(self.voice, passes=self.passes_voices),
            speed=self.speed,
            parameters=reply_parameters(self.shown),
            history_characters=tokens and tokens * _CHARACTERS_PER_TOKEN,
            retained=_fraction(_mapping(truncation).get("retention_ratio")),
        )
        return replace(wanted, **given(self.fixed))

    def updated(self, changes: Mapping[str, Any]) -> "SessionFields":
        """The session after an update."""
        audio = _mapping(changes.get("audio"))
        values: dict[str, Any] = {}
        if changes.get("type") in (CONVERSATION, TRANSCRIPTION):
            values["type"] = changes["type"]
        if changes.get("output_modalities") in (["text"], ["audio"]):
            [values["modality"]] = changes["output_modalities"]
        instructions = changes.get("instructions")
        if isinstance(instructions, str) and len(instructions) <= MAX_INSTRUCTIONS_CHARACTERS:
            values["instructions"] = encodable(instructions)
        values |= self._input_changes(_mapping(audio.get("input")))
        values |= self._output_changes(_mapping(audio.get("output")))
        changed = {name: changes[name] for name in _SHOWN if name in changes}
        if "tools" in changed:
            changed["tools"] = declared_tools(changed["tools"])
        shown = dict(self.shown) | changed
        if changed and len(repr(shown)) <= MAX_SHOWN_CHARACTERS:
            values["shown"] = shown
        return replace(self, **values) if values else self

    def _input_changes(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if "format" in changes:
            values["input_format"] = format_of(changes["format"], self.input_format)
        if "turn_detection" in changes:
            values["turn_detection"] = turn_detection_of(changes["turn_detection"], self.turn_detection)
        if "transcription" in changes:
            given = changes["transcription"]
            merged = _merged(self.transcription, given) if isinstance(given, dict) else None
            values["transcription"] = _short(merged, self.transcription)
        if "noise_reduction" in changes:
            values["noise_reduction"] = _short(changes["noise_reduction"], self.noise_reduction)
        return values

    def _output_changes(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if "format" in changes:
            values["output_format"] = format_of(changes["format"], self.output_format)
        if "voice" in changes:
            values["voice"] = _short(changes["voice"], self.voice)
        if "speed" in changes:
            values["speed"] = speed_of(changes["speed"], self.speed)
        return values

    def shown_object(self) -> dict[str, Any]:
        """The object for the client, without the id of the session."""
        fixed, transcription = self.fixed, self.transcription
        if fixed.language is not None and transcription is not None:
            transcription = {**transcription, "language": fixed.language}
        audio_input = {
            "format": self.input_format.shown,
            "noise_reduction": self.noise_reduction,
            "transcription": transcription,
            "turn_detection": self.turn_detection.shown(),
        }
        if self.type == TRANSCRIPTION:
            return {
                "type": TRANSCRIPTION,
                "object": "realtime.transcription_session",
                "audio": {"input": audio_input},
                "include": self.shown.get("include"),
            }
        voice = fixed.voice or self.voice
        output = {"format": self.output_format.shown, "voice": voice, "speed": self.speed}
        return {
            "type": CONVERSATION,
            "object": "realtime.session",
            "model": self.model,
            "output_modalities": [self.reply.value],
            "instructions": self.configuration.instructions or "",
            "audio": {"input": audio_input, "output": output},
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            **self.shown,
        }


def _short(value: Any, before: Any) -> Any:
    """A value that only has to be shown again; `before` if it is too long to be kept."""
    return value if len(repr(value)) <= MAX_VALUE_CHARACTERS else before


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _merged(before: Mapping[str, Any] | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    return dict(before or {}) | dict(changes)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None


def _fraction(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None
