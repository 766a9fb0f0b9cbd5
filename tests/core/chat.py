"""A dialogue manager in the hands of a test, and the actions that it wants done."""

from voicegw.core import events
from voicegw.core.actions import (
    Action,
    SendEvent,
)
from voicegw.core.audio import AudioFormat
from voicegw.core.chat_history import DialogueOptions
from voicegw.core.dialogue_manager import DialogueManager, ReplyOptions
from voicegw.core.events import (
    Message,
    ReplyPiece,
)
from voicegw.core.latency import TurnTiming
from voicegw.core.speech_output import SpeechOptions, SpeechOutput
from voicegw.errors import LLMTimeout

NOW = 11.0


def opened(options: ReplyOptions, system_prompt: str = "") -> tuple[DialogueManager, list[Action]]:
    """A conversation, and the list that what it wants done goes into."""
    actions: list[Action] = []
    speech = SpeechOutput(SpeechOptions(), AudioFormat.PCM, 16_000, actions.append)
    return DialogueManager(
        DialogueOptions(system_prompt=system_prompt), options, speech, actions.append
    ), actions


class Chat:
    """A conversation, and what it wants done."""

    def __init__(self, options: ReplyOptions | None = None) -> None:
        self.conversation, self._actions = opened(options or ReplyOptions())

    def pause(self, turn: int, text: str) -> None:
        """The speaker of this turn pauses, having said this."""
        self.conversation.receive_pause(turn, text, NOW)

    def done(self) -> list[object]:
        """What was wanted since the last call: events bare, latency reports as the number of their turn."""
        wanted = [action.event if isinstance(action, SendEvent) else action for action in self._actions]
        self._actions.clear()
        return [action.turn if isinstance(action, events.TurnLatency) else action for action in wanted]

    def speak(self) -> int:
        """Someone begins to speak; the number of the turn."""
        self.conversation.receive_speech(NOW)
        return self.conversation.next_turn()

    def final(self, turn: int, text: str, *, more: bool = False) -> None:
        self.conversation.receive_final(text, 500, TurnTiming(turn, zero=10.0), NOW, more=more)

    def ask(self, text: str) -> int:
        """An utterance from start to final; the number of the turn."""
        turn = self.speak()
        self.final(turn, text)
        return turn

    def type(self, text: str) -> int:
        turn = self.conversation.next_turn()
        self.conversation.receive_typed(text, TurnTiming(turn, zero=10.0), NOW)
        return turn

    def write(self, attempt: int, *pieces: ReplyPiece) -> None:
        for piece in pieces:
            self.conversation.replies.receive_piece(attempt, piece, NOW)

    def finish(self, attempt: int, error: LLMTimeout | None = None) -> None:
        self.conversation.replies.receive_end(attempt, error, NOW)


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)
