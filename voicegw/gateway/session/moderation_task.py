"""The moderation of one session: runs due checks one at a time; the session never waits for them."""

from collections.abc import Callable, Sequence
from itertools import takewhile

import structlog

from voicegw.core import events
from voicegw.core.actions import Respond
from voicegw.core.chat_history import is_item_of_client, is_reply
from voicegw.core.commands import AddItem, Command, Configure, CreateReply, TypeText
from voicegw.core.moderation_queue import Check, ModerationQueue, Moderator, pieces
from voicegw.core.text import encodable
from voicegw.errors import ModerationFailed
from voicegw.gateway.single_waiter_event import SingleWaiterEvent
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)


class Moderation:
    """on_verdict: called with a check and the categories found in it. emit: called once with an event when
    the service fails. Without a `moderator` nothing is checked."""

    def __init__(
        self,
        moderator: Moderator | None,
        metrics: Metrics,
        on_verdict: Callable[[Check, tuple[str, ...]], None],
        emit: Callable[[events.Event], None],
    ) -> None:
        self._moderator = moderator
        self._metrics = metrics
        self._on_verdict = on_verdict
        self._emit = emit
        self._watch = ModerationQueue(moderator.every_characters if moderator is not None else 0)
        self._due = SingleWaiterEvent()
        self._failure_reported = False
        self._tools = ""  # the declarations of the session's tools, which were judged when they were set

    def receive_command(self, command: Command) -> None:
        """Checks instructions, tools and items of the client: the next prompt may be speculative, or have
        them before the last reply. Raises RateLimited for text of the user when too many checks wait."""
        texts = self._settings(command)
        if texts or isinstance(command, TypeText | CreateReply):
            self._watch.admit()
        if self._moderator is None:
            return
        if isinstance(command, Configure) and command.parameters is not None:
            self._tools = command.parameters.declarations
        for text in texts:
            self._watch.receive_setting(text)
            self._due.set()

    def _settings(self, command: Command) -> list[str]:
        """The texts of a command that belong to no turn."""
        match command:
            case AddItem(message):
                return _texts(message)
            case Configure(instructions=instructions, parameters=parameters):
                tools = "" if parameters is None else parameters.declarations
                return [text for text in (instructions, "" if tools == self._tools else tools) if text]
            case _:
                return []

    def receive_request(self, request: Respond) -> None:
        """Checks the input of a model request since the last reply: it may be typed text, for which there is
        no event. Tools of one request may differ from those of the session."""
        if self._moderator is not None and not request.speculative:
            written = request.messages[:1] if request.own_prompt else ()
            for message in (*written, *_new_input(request.messages)):
                for text in _texts(message):
                    self._watch.receive_input(request.turn, text)
            if (tools := request.parameters.declarations) != self._tools:
                self._watch.receive_input(request.turn, tools)
            self._due.set()

    def receive_event(self, event: events.Event) -> None:
        """Checks the text of an event to the client."""
        if self._moderator is not None:
            self._watch.receive_event(event)
            self._due.set()

    async def run(self) -> None:
        """Runs due checks until cancelled; returns at once without a moderator."""
        while self._moderator is not None:
            await self._due.wait()
            self._due.clear()
            while checks := self._watch.next_checks():
                await self._judge(self._moderator, checks)

    async def _judge(self, moderator: Moderator, checks: Sequence[Check]) -> None:
        """Runs these checks as one; a verdict applies to all of them."""
        try:
            categories = await _found_in("\n".join(check.text for check in checks), moderator)
        except ModerationFailed as error:
            outcome = "failed"
            self._report_failure(checks[0], error)
        else:
            outcome = "hit" if categories else "passed"
        for check in checks:
            if outcome == "hit":
                self._on_verdict(check, categories)
            self._metrics.moderation_checks.labels(check.what.value, outcome).inc()

    def _report_failure(self, check: Check, error: ModerationFailed) -> None:
        log.warning("moderation failed", reason=error.message)
        if not self._failure_reported:
            self._failure_reported = True
            notice = events.ReplyNotice(error.code, "what is said goes unjudged")
            self._emit(events.ReplyStep(check.turn, notice))


def _texts(message: events.Message) -> list[str]:
    texts = (message.content, *(call.arguments for call in message.tool_calls))
    return [text for text in texts if text]


def _new_input(messages: Sequence[events.Message]) -> list[events.Message]:
    """The messages after the last reply, and always the last one. Without the instructions and the client's
    items, which are judged when they are added."""
    begin = int(messages[0].role == "system")
    after = takewhile(lambda message: not is_reply(message), reversed(messages[begin:-1]))
    return [each for each in (*reversed(list(after)), messages[-1]) if not is_item_of_client(each)]


async def _found_in(text: str, moderator: Moderator) -> tuple[str, ...]:
    """The categories found in the first piece that has any. Raises ModerationFailed when none has any and a
    piece could not be checked."""
    failure: ModerationFailed | None = None
    for piece in pieces(text):
        try:
            categories = tuple(encodable(category) for category in await moderator.judge(piece))
        except ModerationFailed as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a failed moderator ends its check, not the session
            failure = ModerationFailed(f"no judgement: {type(error).__name__}")
        else:
            if categories:
                return categories
    if failure is not None:
        raise failure
    return ()
