"""A scripted model that calls tools, with a real toolbox."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from tests.observing import PATIENCE_S, asked
from voicegw.core.messages import (
    ClientToolCalled,
    Message,
    ReplyNotice,
    ReplyPiece,
    ToolAnswered,
    ToolCalled,
)
from voicegw.core.reply_parameters import ClientTool, ReplyParameters
from voicegw.core.responder import Confirmation, ModelUsage, ReplyRequest
from voicegw.errors import LLMEmpty, LLMInterrupted, TooManyToolCalls
from voicegw.reply.tools.local_background_calls import LocalBackgroundCalls
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.tool_responder import ToolResponder
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.telemetry import Metrics

PROMPT = (Message("user", "what is two and three"),)
ADD = ToolCalled("c1", "add", '{"a": 2, "b": 3}')
FUNCTIONS = tuple(
    {
        "name": name,
        "description": name,
        "parameters": {"type": "object"},
        "entry_point": f"tests.reply.application_functions:{name}",
        "background": name == "count",
    }
    for name in ("add", "hang", "count", "fail")
)


@dataclass
class Model:
    """Answers each request with the next of `rounds`; after the last one, with that again."""

    rounds: Sequence[Sequence[ReplyPiece | Exception]]
    name: str = "scripted"
    prompts: list[tuple[Message, ...]] = field(default_factory=list)
    prewarmed: list[Sequence[Message]] = field(default_factory=list)
    closed: bool = False

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece, None]:
        self.prompts.append(request.messages)
        for piece in self.rounds[min(len(self.prompts), len(self.rounds)) - 1]:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def prewarm(self, request: ReplyRequest) -> None:
        self.prewarmed.append(request.messages)

    async def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def tools(model: Model, **options: int) -> AsyncIterator[ToolResponder]:
    settings = ToolOptions(functions=FUNCTIONS, **options)  # type: ignore[arg-type]
    box = Toolbox(settings, Metrics())
    background_calls = LocalBackgroundCalls(box.run, settings, Metrics())
    responder = ToolResponder(model, box, background_calls, settings)
    try:
        yield responder
    finally:
        await responder.close()
        await background_calls.close()
        await box.close()


async def reply(
    model: Model, *, certain: bool = True, functions: tuple[ClientTool, ...] = (), **options: int
) -> list[ReplyPiece]:
    confirmed = asyncio.Event()
    request = replace(asked(PROMPT), parameters=ReplyParameters(functions))
    if certain:
        confirmed.set()
    async with (
        tools(model, **options) as responder,
        aclosing(responder.respond(request, confirmed)) as pieces,
    ):
        return [piece async for piece in pieces if not isinstance(piece, ModelUsage)]


async def test_a_reply_without_calls_passes() -> None:
    model = Model([["Hel", "lo."]])
    assert await reply(model, certain=False) == ["Hel", "lo."]
    assert model.closed


async def test_the_model_gets_the_result_of_its_call() -> None:
    model = Model([[ADD], ["Five."]])
    answered = ToolAnswered("c1", "add", "5", ok=True)
    assert await reply(model) == [ADD, answered, "Five."]
    assert model.prompts[1] == (
        *PROMPT,
        Message("assistant", "", (ADD,)),
        Message("tool", "5", tool_call_id="c1"),
    )


async def test_a_function_of_the_client_ends_the_reply() -> None:
    weather = ToolCalled("c2", "weather", "{}", extra='{"a": 1}')
    model = Model([["Wait.", weather, ADD], ["never"]])
    said = await reply(model, functions=(ClientTool("weather", "", "{}"),))
    theirs = ClientToolCalled("c2", "weather", "{}", extra='{"a": 1}')
    answered = ToolAnswered("c1", "add", "5", ok=True)
    assert said == ["Wait.", theirs, ADD, answered]
    assert len(model.prompts) == 1


async def test_text_before_and_after_a_call_is_separated() -> None:
    model = Model([["One moment.", ADD], ["Five."]])
    said = await reply(model)
    assert "".join(piece for piece in said if isinstance(piece, str)) == "One moment. Five."
    assert model.prompts[1][1] == Message("assistant", "One moment.", (ADD,))


async def test_no_tool_is_called_before_the_turn_is_confirmed() -> None:
    model, confirmed = Model([[ADD], ["Five."]]), asyncio.Event()
    async with tools(model) as responder, aclosing(responder.respond(asked(PROMPT), confirmed)) as pieces:
        first = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0.02)
        assert not first.done()
        confirmed.set()
        assert await asyncio.wait_for(first, PATIENCE_S) == ADD


async def test_calls_run_concurrently_and_the_fastest_result_is_first() -> None:
    slow = ToolCalled("c2", "hang", "{}")
    said = await reply(Model([[slow, ADD], ["Well."]]), timeout_ms=1_000)
    assert said[:2] == [slow, ADD]
    assert [piece.id for piece in said if isinstance(piece, ToolAnswered)] == ["c1", "c2"]


async def test_the_model_gets_the_reason_of_a_failure() -> None:
    call = ToolCalled("c1", "fail", "{}")
    model = Model([[call], ["There is no such city."]])
    await reply(model)
    assert model.prompts[1][-1] == Message(
        "tool", '{"error":"the tool raised ValueError"}', tool_call_id="c1"
    )


async def test_the_number_of_rounds_is_limited() -> None:
    model = Model([[ADD]])
    with pytest.raises(TooManyToolCalls):
        await reply(model, max_rounds=2)
    assert len(model.prompts) == 3


async def test_the_number_of_calls_in_a_round_is_limited() -> None:
    calls = [ToolCalled(f"c{number}", "add", '{"a": 1, "b": 1}') for number in range(5)]
    said = await reply(Model([calls, ["Enough."]]), max_calls=2)
    assert [piece for piece in said if isinstance(piece, ToolCalled)] == calls[:2]


async def test_calls_with_the_same_id_get_unique_ids() -> None:
    other = ToolCalled("c1", "add", '{"a": 1, "b": 1}')
    model = Model([[ADD], [other], ["Five and two."]])
    await reply(model)
    first, second = (message for message in model.prompts[2] if message.role == "tool")
    assert (first.tool_call_id, first.content, second.content) == ("c1", "5", "2")
    assert second.tool_call_id != "c1"


async def test_notices_and_errors_pass() -> None:
    notice = ReplyNotice("llm_timeout", "asked again")
    assert await reply(Model([[notice, "Hi."]])) == [notice, "Hi."]
    with pytest.raises(LLMInterrupted):
        await reply(Model([[ADD], ["Fi", LLMInterrupted()]]))


async def test_closing_a_reply_cancels_its_calls() -> None:
    confirmed = asyncio.Event()
    confirmed.set()
    async with tools(Model([[ToolCalled("c1", "hang", "{}")]])) as responder:

        async def read() -> None:
            async with aclosing(responder.respond(asked(PROMPT), confirmed)) as pieces:
                async for _ in pieces:
                    pass

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.02)
        assert any(task.get_name() == "tool call" for task in asyncio.all_tasks())
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        assert not any(task.get_name() == "tool call" for task in asyncio.all_tasks())


async def test_a_background_call_is_answered_at_once() -> None:
    call = ToolCalled("c1", "count", '{"to": 2}')
    model = Model([[call], ["I am on it."]])
    said = await reply(model)
    (answered,) = (piece for piece in said if isinstance(piece, ToolAnswered))
    assert answered.ok
    assert answered.background_call
    assert "accepted" in model.prompts[1][-1].content


async def test_the_arguments_of_a_background_call_are_checked_first() -> None:
    said = await reply(Model([[ToolCalled("c1", "count", "[]")], ["Hm."]]))
    (answered,) = (piece for piece in said if isinstance(piece, ToolAnswered))
    assert (answered.ok, answered.background_call) == (False, "")


async def test_prewarming_is_passed_to_the_model() -> None:
    model = Model([["Hi."]])
    async with tools(model) as responder:
        await responder.prewarm(asked(PROMPT))
    assert model.prewarmed == [PROMPT]


async def test_an_empty_reply_after_a_call_is_an_end_if_there_was_text_before() -> None:
    said = await reply(Model([["Adding.", ADD], [LLMEmpty()]]))
    assert said[0] == "Adding."
    assert isinstance(said[-1], ToolAnswered)
    with pytest.raises(LLMEmpty):
        await reply(Model([[ADD], [LLMEmpty()]]))
