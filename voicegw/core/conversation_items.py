"""Changes of the conversation that the client orders, item by item."""

from collections.abc import Callable
from typing import assert_never

from voicegw.core.chat_history import ChatHistory, reply_item
from voicegw.core.commands import AddItem, DeleteItem, ItemCommand, Played, TruncateReply
from voicegw.core.replies import Replies


class ConversationItems:
    """The items of one conversation. stop_reply: stops the reply in progress."""

    def __init__(self, history: ChatHistory, replies: Replies, stop_reply: Callable[[float], object]) -> None:
        self._history = history
        self._replies = replies
        self._stop_reply = stop_reply

    def receive(self, command: ItemCommand, now: float) -> None:
        """Performs the command."""
        match command:
            case AddItem(message, after):
                self._history.insert(message, after)
            case DeleteItem(item):
                self._history.delete(item)
            case TruncateReply(turn, audio_ms) if self._replies.answers_turn(turn):
                self._replies.receive_played(Played(audio_ms, turn, received_only=True), now)
                if self._replies.answers_turn(turn):  # otherwise it was played to its end
                    self._stop_reply(now)
            case TruncateReply(turn, _, characters):
                self._history.truncate(reply_item(turn), characters)
            case _:
                assert_never(command)
