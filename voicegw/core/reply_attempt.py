"""One request to the model, and the state of a reply in a snapshot."""

from dataclasses import dataclass, field

import msgspec

from voicegw.core.latency import TurnTiming
from voicegw.core.messages import Message, ReplyPiece, TokenUsage
from voicegw.core.reply_parameters import NO_PARAMETERS, ReplyParameters


@dataclass(slots=True)
class Attempt:
    """One request to the model, at monotonic second `asked`.

    messages, parameters: of the request. timing: of the turn that it answers; None until the turn is
    confirmed. hidden: the output until then. delivered: the output that was sent. first_token: when the model
    wrote its first text. over: the model has finished; failed: with an error. spoken: the reply is
    spoken. separate: it is not added to the history. greeting: no model was requested.
    """

    number: int
    messages: tuple[Message, ...]
    asked: float
    timing: TurnTiming | None
    first_token: float | None = None
    hidden: list[ReplyPiece] = field(default_factory=list)
    delivered: list[ReplyPiece] = field(default_factory=list)
    over: bool = False
    failed: bool = False
    spoken: bool = False
    separate: bool = False
    used: TokenUsage | None = None
    greeting: bool = False
    parameters: ReplyParameters = NO_PARAMETERS

    @property
    def text(self) -> str:
        """The text that was delivered."""
        return "".join(piece for piece in self.delivered if isinstance(piece, str))

    def prepares(self, messages: tuple[Message, ...], parameters: ReplyParameters) -> bool:
        """Whether this is a speculative request with these messages and parameters."""
        return self.timing is None and (self.messages, self.parameters) == (messages, parameters)


class ReplyState(msgspec.Struct, array_like=True):
    """A confirmed reply in progress. begun: a part of it was delivered; `messages` is then empty, because the
    reply is not requested again. text: the delivered text, or the heard text of a spoken reply; delivered:
    the same as prompt messages."""

    timing: TurnTiming
    messages: tuple[Message, ...]
    begun: bool
    text: str
    delivered: list[Message]
