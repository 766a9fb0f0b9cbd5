"""The state of a dialogue in a snapshot."""

import msgspec

from voicegw.core import turn
from voicegw.core.actions import FollowBackgroundCall
from voicegw.core.chat_history import ChatHistoryState
from voicegw.core.latency import TurnTiming
from voicegw.core.overlap import Overlap, PossibleAnswer
from voicegw.core.reply_attempt import ReplyState


class DialogueManagerState(msgspec.Struct, array_like=True):
    """The state of a DialogueManager. unanswered: the timing of the last turn that has no reply yet. turns:
    how many began. attempts: how often the model was requested; speculations: in the running utterance.
    reply: None when no confirmed reply is in progress."""

    turn_state: turn.State
    history: ChatHistoryState
    unanswered: TurnTiming | None
    turns: int
    attempts: int
    speculations: int
    reply: ReplyState | None
    background_calls: list[FollowBackgroundCall]
    possible_answer: PossibleAnswer | None = None
    overlap: Overlap = msgspec.field(default_factory=Overlap)
