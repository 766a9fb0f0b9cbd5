"""A whole turn with everything that replies are made with, assembled from a TOML file as `voicegw serve`
does: a gateway on a socket, a model endpoint, tools and a moderation service that are HTTP servers. Only the
words are scripted."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.fakes import SPOKEN, ScriptedRecognizer, Stage, staged, windowed
from tests.gateway.test_server import get
from tests.json_server import JsonServer, Reply
from tests.llm_server import Answer, LLMServer
from tests.peer import Peer, joined
from voicegw.assistant import assemble
from voicegw.config import load
from voicegw.core.events import ModerationTarget, ReplyReason
from voicegw.dialects import native
from voicegw.gateway.services import Services
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

LLM = '[llm]\nurl = "{llm}"\nmodel = "tiny"\nfirst_token_timeout_ms = 1000\n'
FALLBACK = '[llm_fallback]\nurl = "{fallback}"\nmodel = "tiny"\n'
TOOL = """
[[tools.functions]]
name = "{name}"
description = "Books a table."
url = "{url}"
background = {background}
parameters = {{ type = "object", properties = {{ table = {{ type = "integer" }} }} }}
"""
MODERATION = '[moderation]\nurl = "{url}"\nmodel = "judge"\ntimeout_ms = 500\n'
BOOK = Answer(["One moment."], [("book", '{"table": 7}')])


def book(body: dict[str, Any]) -> Answer | None:
    """The model calls the tool when it is asked to, and not for a single token."""
    asked = body["max_tokens"] > 1 and body["messages"][-1]["content"] != "Thanks."
    return BOOK if asked and body["messages"][-1]["role"] == "user" else None


@asynccontextmanager
async def serving(configuration: str, directory: Path) -> AsyncIterator[tuple[Stage, Peer]]:
    """A gateway with this configuration, and a client of it."""
    path = directory / "voicegw.toml"
    path.write_text(configuration)
    settings = load(["--config", str(path)])
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        parts = await assemble(settings, metrics, stack)
        services = Services(
            windowed(ScriptedRecognizer()),
            parts.responder,
            metrics,
            check_model=parts.check_model,
            background_calls=parts.background_calls,
            moderator=parts.moderator,
            declared=parts.declared,
        )
        stage = await stack.enter_async_context(staged(services=services))
        yield stage, await stack.enter_async_context(joined(stage.url))


def prompts(server: LLMServer) -> list[list[dict[str, Any]]]:
    """What the model was asked for replies; prewarming asks for one token only."""
    return [each.body["messages"] for each in server.exchanges if each.body["max_tokens"] > 1]


async def test_a_tool_is_called_and_its_result_answered(tmp_path: Path) -> None:
    async with (
        LLMServer(tokens=["Table 7 is yours."], script=book) as llm,
        JsonServer(lambda _: Reply({"ok": 1})) as tool,
    ):
        text = LLM.format(llm=llm.url) + TOOL.format(name="book", url=tool.url, background="false")
        async with serving(text, tmp_path) as (_, peer):
            await peer.say(SPOKEN)
            done = await peer.until(native.ReplyDoneMessage)
    (call,), (result,) = peer.of(native.ToolCallMessage), peer.of(native.ToolResultMessage)
    assert (call.name, call.arguments) == ("book", '{"table": 7}')
    assert (result.id, result.content, result.ok) == (call.id, '{"ok": 1}', True)
    assert done.text == "One moment. Table 7 is yours."
    assert [message["role"] for message in prompts(llm)[-1]] == ["system", "user", "assistant", "tool"]
    assert [request.body for request in tool.requests] == [{"table": 7}]


@pytest.mark.parametrize("background", ["true", "false"])
async def test_a_tool_is_told_for_which_session_it_is_called(tmp_path: Path, background: str) -> None:
    async with (
        LLMServer(tokens=["Table 7 is yours."], script=book) as llm,
        JsonServer(lambda _: Reply({"ok": 1})) as tool,
    ):
        text = LLM.format(llm=llm.url) + TOOL.format(name="book", url=tool.url, background=background)
        async with serving(f"{text}tell_caller = true\n", tmp_path) as (_, peer):
            await peer.send(native.TextMessage("Book a table."))
            await peer.until(native.ToolResultMessage)
    (request,) = tool.requests
    assert request.headers["x-voicegw-session"] == peer.of(native.ReadyMessage)[0].session


async def test_a_tool_in_the_background_reports_and_the_next_turn_knows(tmp_path: Path) -> None:
    async with (
        LLMServer(tokens=["Fine."], script=book) as llm,
        JsonServer(lambda _: Reply(lines=["half", "booked"])) as tool,
    ):
        text = LLM.format(llm=llm.url) + TOOL.format(name="book", url=tool.url, background="true")
        async with serving(text, tmp_path) as (_, peer):
            await peer.send(native.TextMessage("Book a table."))
            result = await peer.until(native.ToolResultMessage)
            if not peer.of(native.ReplyDoneMessage):
                await peer.until(native.ReplyDoneMessage)
            await peer.send(native.TextMessage("Thanks."))
            await peer.until(native.ReplyDoneMessage)
    assert (result.content, result.ok) == ('"booked"', True)
    accepted, *progress = (message.content for message in peer.of(native.ToolProgressMessage))
    assert "accepted" in accepted
    assert progress[0] == '"half"'
    *_, called, told, _, thanks = prompts(llm)[-1]
    assert (called["role"], told["content"], thanks["content"]) == ("assistant", '"booked"', "Thanks.")


async def test_reasoning_is_in_no_delta_and_in_no_later_prompt(tmp_path: Path) -> None:
    def reasoning(body: dict[str, Any]) -> Answer | None:
        return Answer(["<think>They ask", " for it.</th", "ink>", "It is noon."])

    async with LLMServer(script=reasoning) as llm, serving(LLM.format(llm=llm.url), tmp_path) as (_, peer):
        for question in ("What time is it?", "And now?"):
            await peer.send(native.TextMessage(question))
            assert (await peer.until(native.ReplyDoneMessage)).text == "It is noon."
    assert {delta.text for delta in peer.of(native.ReplyDeltaMessage)} == {"It is noon."}
    assert [message["content"] for message in prompts(llm)[-1][1:]] == [
        *("What time is it?", "It is noon.", "And now?"),
    ]


async def test_a_failed_reply_does_not_spoil_the_conversation(tmp_path: Path) -> None:
    def alternating(body: dict[str, Any]) -> Answer | None:
        roles = [message["role"] for message in body["messages"][1:]]
        if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
            return Answer(status=400)
        return Answer() if body["messages"][-1]["content"] == "One." else None

    async with LLMServer(script=alternating) as llm, serving(LLM.format(llm=llm.url), tmp_path) as (_, peer):
        await peer.send(native.TextMessage("One."))
        error = await peer.until(native.ErrorMessage)
        failed = await peer.until(native.ReplyDoneMessage)
        await peer.send(native.TextMessage("Two."))
        done = await peer.until(native.ReplyDoneMessage)
    assert (error.code, failed.reason, failed.text) == ("llm_empty", ReplyReason.FAILED, "")
    assert done.text == "Hello there."


def verdict(body: dict[str, str]) -> Reply:
    bad = "bad" in body["input"]
    result = {"flagged": bad, "categories": {"violence": bad}, "category_scores": {"violence": 0.0}}
    return Reply({"id": "m", "model": "judge", "results": [result]})


async def test_a_reply_that_moderation_objects_to_stops(tmp_path: Path) -> None:
    tokens = ["This is bad. ", *["And on. "] * 200]
    async with LLMServer(tokens=tokens, token_delay_s=0.02) as llm, JsonServer(verdict) as judge:
        text = LLM.format(llm=llm.url) + MODERATION.format(url=judge.url)
        async with serving(text, tmp_path) as (_, peer):
            await peer.send(native.TextMessage("Say something."))
            moderated = await peer.until(native.ModeratedMessage)
            done = await peer.until(native.ReplyDoneMessage)
            await llm.exchanges[-1].over.wait()
            llm.tokens = ["Of course."]
            await peer.send(native.TextMessage("Go on."))
            await peer.until(native.ReplyDoneMessage)
    assert (moderated.what, moderated.categories) == (ModerationTarget.REPLY, ["violence"])
    assert done.reason is ReplyReason.MODERATED
    assert any(each.disconnected for each in llm.exchanges)
    assert prompts(llm)[-1][-2]["content"] == "[stopped by moderation]"


async def test_what_is_said_is_judged_too(tmp_path: Path) -> None:
    async with LLMServer(first_token_delay_s=0.5) as llm, JsonServer(verdict) as judge:
        text = LLM.format(llm=llm.url) + MODERATION.format(url=judge.url)
        async with serving(text, tmp_path) as (_, peer):
            await peer.send(native.TextMessage("Something bad."))
            moderated = await peer.until(native.ModeratedMessage)
            done = await peer.until(native.ReplyDoneMessage)
    assert (moderated.what, done.text, done.reason) == (ModerationTarget.INPUT, "", ReplyReason.MODERATED)


async def test_a_moderation_service_that_hangs_holds_up_nothing(tmp_path: Path) -> None:
    async with LLMServer() as llm, JsonServer(lambda _: Reply(delay_s=60)) as judge:
        text = LLM.format(llm=llm.url) + MODERATION.format(url=judge.url)
        async with serving(text, tmp_path) as (stage, peer):
            await peer.send(native.TextMessage("Hello."))
            assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.COMPLETED
            notice = await peer.until(native.NoticeMessage)
            assert stage.gateway.metrics.registry.get_sample_value(
                "voicegw_moderation_checks_total", {"what": "input", "outcome": "failed"}
            )
    assert notice.code == "moderation_failed"


async def test_an_endpoint_in_trouble_is_replaced_and_the_client_told(tmp_path: Path) -> None:
    async with LLMServer(status=503) as broken, LLMServer(tokens=["Hello."]) as well:
        text = LLM.format(llm=broken.url) + FALLBACK.format(fallback=well.url)
        async with serving(text, tmp_path) as (_, peer):
            await peer.send(native.TextMessage("Hello?"))
            done = await peer.until(native.ReplyDoneMessage)
    assert (done.text, done.reason) == ("Hello.", ReplyReason.COMPLETED)
    assert [notice.code for notice in peer.of(native.NoticeMessage)] == ["llm_broken", "llm_broken"]


async def test_with_nobody_left_to_ask_the_turn_fails_and_nobody_poses_as_the_model(tmp_path: Path) -> None:
    text = LLM.format(llm="http://127.0.0.1:9/v1")
    async with serving(text, tmp_path) as (_, peer):
        await peer.send(native.TextMessage("What is two plus two?"))
        assert await peer.error() == "llm_unreachable"
        done = await peer.until(native.ReplyDoneMessage)
    assert (done.text, done.reason) == ("", ReplyReason.FAILED)


@pytest.mark.parametrize("wait_ms", [0, 60_000])
async def test_readiness_tells_of_the_model(tmp_path: Path, wait_ms: int) -> None:
    async with LLMServer(refuse=True) as nowhere:
        text = LLM.format(llm=nowhere.url) + f"[failover]\nready_wait_ms = {wait_ms}\n"
        async with serving(text, tmp_path) as (stage, _):
            page = await get(stage, "/readyz")
    assert page.status == (503 if wait_ms else 200)
    assert re.search(rb"the model endpoint (has not answered|gives no answer) yet", page.body)
