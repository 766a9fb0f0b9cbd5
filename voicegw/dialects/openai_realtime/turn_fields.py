"""`turn_detection`: who decides when the user's turn is over, and how."""

from dataclasses import dataclass, fields, replace
from typing import Any

_SILENCE_MS = 500  # of the protocol, and of the server
_LONGEST_SILENCE_MS = 5_000
_SHORTEST_SILENCE_MS = 100
PADDING_MS = 300

# The end silence, then the shortest after a complete sentence and the longest after an incomplete one.
_EAGERNESS = {
    "low": (1_000, 800, _LONGEST_SILENCE_MS),
    "medium": (_SILENCE_MS, 400, 2_000),
    "auto": (_SILENCE_MS, 400, 1_000),
    "high": (300, 200, 800),
}


@dataclass(frozen=True)
class TurnDetection:
    """Speech ends by silence. create_response: a reply follows; interrupt_response: speech stops a reply.
    prefix_padding_ms: subtracted from the beginning of speech that the client is told."""

    create_response: bool = True
    interrupt_response: bool = True
    prefix_padding_ms: int = PADDING_MS

    @property
    def manual(self) -> bool:
        """Whether the client decides."""
        return False

    def settings(self) -> dict[str, Any]:
        """The fields of a Configure."""
        return {
            "manual": self.manual,
            "automatic": self.create_response,
            "interruptible": self.interrupt_response,
        }

    def shown(self) -> dict[str, Any] | None:
        """The object for the client."""
        raise NotImplementedError


@dataclass(frozen=True)
class ServerVad(TurnDetection):
    """A fixed silence, if the client states one; otherwise it depends on the words, as the server usually
    decides. idle_timeout_ms: only shown."""

    threshold: float = 0.5
    silence_duration_ms: int | None = None
    idle_timeout_ms: float | None = None

    def settings(self) -> dict[str, Any]:
        silence = self.silence_duration_ms
        longest = {} if silence is None else {"min_end_silence_ms": silence, "max_end_silence_ms": silence}
        adaptive = {"adaptive": silence is None, "end_silence_ms": silence or _SILENCE_MS}
        usual = dict(zip(_SILENCES, _EAGERNESS["auto"], strict=True))
        return super().settings() | usual | adaptive | longest | {"threshold": self.threshold}

    def shown(self) -> dict[str, Any]:
        shown = {each.name: getattr(self, each.name) for each in fields(self)}
        shown["silence_duration_ms"] = self.silence_duration_ms or _SILENCE_MS
        return {"type": "server_vad"} | {name: value for name, value in shown.items() if value is not None}


@dataclass(frozen=True)
class SemanticVad(TurnDetection):
    """The silence depends on the words. eagerness: how short it may be."""

    eagerness: str = "auto"

    def settings(self) -> dict[str, Any]:
        silences = dict(zip(_SILENCES, _EAGERNESS[self.eagerness], strict=True))
        return super().settings() | {"adaptive": True, "threshold": 0.5} | silences

    def shown(self) -> dict[str, Any]:
        return {
            "type": "semantic_vad",
            "eagerness": self.eagerness,
            "create_response": self.create_response,
            "interrupt_response": self.interrupt_response,
        }


@dataclass(frozen=True)
class NoDetection(TurnDetection):
    """Only a commit ends a turn, and replies are requested."""

    create_response: bool = False
    interrupt_response: bool = False

    @property
    def manual(self) -> bool:
        return True

    def shown(self) -> None:
        return None


_SILENCES = ("end_silence_ms", "min_end_silence_ms", "max_end_silence_ms")


def turn_detection_of(value: Any, before: TurnDetection) -> TurnDetection:
    """The turn detection after an update. Fields that it does not name keep their value if the type stays;
    an unknown type changes nothing."""
    if value is None:
        return NoDetection()
    if not isinstance(value, dict):
        return before
    kinds: dict[object, TurnDetection] = {"server_vad": ServerVad(), "semantic_vad": SemanticVad()}
    name = value.get("type", "server_vad")
    fresh = kinds.get(name) if isinstance(name, str) else None
    if fresh is None:
        return before
    base = before if type(before) is type(fresh) else fresh
    checked = {name: _checked(name, given) for name, given in value.items() if hasattr(base, name)}
    return replace(base, **{name: given for name, given in checked.items() if given is not None})


def _checked(name: str, value: Any) -> Any:
    """The value within its bounds; None if it has another kind."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match name:
        case "create_response" | "interrupt_response":
            return value if isinstance(value, bool) else None
        case "eagerness":
            return value if isinstance(value, str) and value in _EAGERNESS else None
        case "threshold":
            return float(min(max(value, 0.0), 1.0)) if is_number else None
        case "silence_duration_ms":
            return round(min(max(value, _SHORTEST_SILENCE_MS), _LONGEST_SILENCE_MS)) if is_number else None
        case "prefix_padding_ms":
            return round(min(max(value, 0), 10_000)) if is_number else None
        case "idle_timeout_ms":
            return value if is_number else None
        case _:
            return None
