"""A dialogue manager under test, and its actions."""

from voicegw.core import events
from voicegw.core.actions import (
    Action,
    SendEvent,
)
from voicegw.core.audio import AudioFormat
from voicegw.core.chat_history import DialogueOptions
from voicegw.core.dialogue_manager import DialogueManager
from voicegw.core.events import (
    Message,
    ReplyPiece,
)
from voicegw.core.latency import TurnTiming
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.speech_output import SpeechOptions, SpeechOutput
from voicegw.errors import LLMTimeout

NOW = 11.0


def opened(options: ReplyOptions, system_prompt: str = "") -> tuple[DialogueManager, list[Action]]:
    """A dialogue manager, and the list to which it adds its actions."""
    actions: list[Action] = []
    speech = SpeechOutput(SpeechOptions(), AudioFormat.PCM, 16_000, actions.append)
    return DialogueManager(
        DialogueOptions(system_prompt=system_prompt), options, speech, actions.append
    ), actions


class Chat:
    """A dialogue manager and its actions."""

    def __init__(self, options: ReplyOptions | None = None) -> None:
        self.dialogue, self._actions = opened(options or ReplyOptions())

    def pause(self, turn: int, text: str) -> None:
        """The speaker of this turn pauses after this text."""
        self.dialogue.receive_pause(turn, text, NOW)

    def done(self) -> list[object]:
        """The actions since the last call: an event instead of its SendEvent, the turn instead of a latency
        report."""
        wanted = [action.event if isinstance(action, SendEvent) else action for action in self._actions]
        self._actions.clear()
        return [action.turn if isinstance(action, events.TurnLatency) else action for action in wanted]

    def speak(self) -> int:
        """The user begins to speak. Returns the number of the turn."""
        self.dialogue.receive_speech(NOW)
        return self.dialogue.next_turn()

    def final(self, turn: int, text: str, *, more: bool = False) -> None:
        self.dialogue.receive_final(text, 500, TurnTiming(turn, zero=10.0), NOW, more=more)

    def ask(self, text: str) -> int:
        """An utterance from start to final. Returns the number of the turn."""
        turn = self.speak()
        self.final(turn, text)
        return turn

    def type(self, text: str) -> int:
        turn = self.dialogue.next_turn()
        self.dialogue.receive_typed(text, TurnTiming(turn, zero=10.0), NOW)
        return turn

    def write(self, attempt: int, *pieces: ReplyPiece) -> None:
        for piece in pieces:
            self.dialogue.replies.receive_piece(attempt, piece, NOW)

    def finish(self, attempt: int, error: LLMTimeout | None = None) -> None:
        self.dialogue.replies.receive_end(attempt, error, NOW)


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)
