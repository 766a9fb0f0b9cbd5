"""Options of replies."""

from dataclasses import dataclass, field

from voicegw.core.barge_in import BargeInOptions
from voicegw.core.options import option


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """When the language model is requested to reply, and what interrupts a reply."""

    speculate: bool = option(True, "request a reply in a pause, and show it if the turn ends there")
    max_speculations: int = option(2, "pauses of one turn in which a reply is requested", ge=1, le=10)
    prewarm: bool = option(True, "let the model read the system prompt when a session opens")
    barge_in: BargeInOptions = field(default_factory=BargeInOptions)
