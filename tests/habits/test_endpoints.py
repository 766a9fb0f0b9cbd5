"""What model endpoints do in practice: each row has its own real HTTP server, and the whole way through
failover and the client of one endpoint in front of it."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from tests.habits.table import Habit, rows
from tests.llm_server import Answer, Ending, LLMServer
from tests.observing import asked, certain
from voicegw.core.events import Message, ReplyNotice, ToolCalled
from voicegw.errors import ReplyError
from voicegw.reply.llm.failover import FailoverOptions, FailoverResponder
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.telemetry import Metrics

ASKED = (Message("system", "Be brief."), Message("user", "Where is it?"))
TOOL = {"type": "function", "function": {"name": "clock", "description": "The time.", "parameters": {}}}
CALL = ToolCalled("c1", "clock", "{}")


class Given(Protocol):
    """What a row sets up, and what is seen then."""

    async def seen(self) -> object: ...


async def outcome(responder: FailoverResponder, prompt: Sequence[Message] = ASKED) -> list[str]:
    """What a client gets: the text, [codes of notices], calls(), and !the code of a failure."""
    told: list[str] = []
    try:
        async with aclosing(responder.respond(asked(prompt), certain())) as pieces:
            async for piece in pieces:
                match piece:
                    case str() if told and told[-1][-1] not in "])":
                        told[-1] += piece
                    case str():
                        told.append(piece)
                    case ReplyNotice(code):
                        told.append(f"[{code}]")
                    case ToolCalled():
                        told.append(f"{piece.name}()")
    except ReplyError as error:
        told.append(f"!{error.code}")
    return told


def behind(server: LLMServer, tools: Sequence[dict[str, Any]] = (), **options: Any) -> FailoverResponder:
    """The responder as the server has it, with one endpoint."""
    endpoint = LLMResponder(LLMOptions(url=server.url, **{"model": "tiny", **options}), tools)
    return FailoverResponder([endpoint], FailoverOptions(), Metrics())


@dataclass(frozen=True)
class Streams:
    """The endpoint answers so, each time or once for each answer; seen is what the client gets of a reply, or
    of each of `replies`."""

    answers: tuple[Answer, ...]
    replies: int = 1
    options: dict[str, Any] = field(default_factory=dict)

    async def seen(self) -> object:
        once = list(self.answers) if len(self.answers) > 1 else []
        async with LLMServer(answers=once, script=lambda _: None if once else self.answers[0]) as server:
            responder = behind(server, **self.options)
            told = [await outcome(responder) for _ in range(self.replies)]
            await responder.close()
        return told[0] if self.replies == 1 else told


@dataclass(frozen=True)
class Remembers:
    """The history is this; seen is what the endpoint is shown of it. refused: what it refuses, at first."""

    history: Sequence[Message]
    refused: str = ""

    async def seen(self) -> object:
        refusal = Answer(status=400, page=("application/json", json.dumps({"error": self.refused})))
        async with LLMServer(answers=[refusal] if self.refused else []) as server:
            responder = behind(server)
            await outcome(responder, self.history)
            await responder.close()
        shown = server.exchanges[-1].body["messages"]
        return [f"{each['role']}: {each['content']}" for each in shown]


@dataclass(frozen=True)
class Refuses:
    """The endpoint refuses a request as long as it has one of `parameters` (or a role), and says so by
    `error` and `status`; seen are the outcomes of two replies, the number of requests, and which of the
    parameters and roles that endpoints refuse the last one had."""

    parameters: tuple[str, ...]
    error_body: str
    status: int = 400
    content_type: str = "application/json"
    prompt: Sequence[Message] = ASKED

    def answer(self, body: dict[str, Any]) -> Answer | None:
        roles = {message["role"] for message in body["messages"]}
        if not (set(body) | roles).intersection(self.parameters):
            return None
        return Answer(status=self.status, page=(self.content_type, self.error_body))

    async def seen(self) -> object:
        async with LLMServer(script=self.answer) as server:
            responder = behind(server, [TOOL])
            told = [await outcome(responder, self.prompt) for _ in range(2)]
            await responder.close()
        return told, len(server.exchanges), parts(server.exchanges[-1].body)


@dataclass(frozen=True)
class RefusesOne:
    """The endpoint refuses the request of one user unless a part of it is left out, and says so by `refusal`;
    seen is which parts the request of the next user has."""

    refusal: Answer

    def answer(self, body: dict[str, Any]) -> Answer | None:
        provoked = "Provoke." in body["messages"][-1]["content"] and parts(body) == EVERYTHING
        return self.refusal if provoked else None

    async def seen(self) -> object:
        async with LLMServer(script=self.answer) as server:
            responder = behind(server, [TOOL])
            await outcome(responder, (SYSTEM, user("Provoke.")))
            await responder.prewarm(asked((SYSTEM,)))
            await outcome(responder)
            await responder.close()
        return parts(server.exchanges[-1].body)


def parts(body: dict[str, Any]) -> set[str]:
    """The parameters and roles of a request that some endpoints refuse."""
    optional = {"max_tokens", "max_completion_tokens", "temperature", "tools"}.intersection(body)
    return optional | {message["role"] for message in body["messages"]}


@dataclass(frozen=True)
class ManyUsers:
    """So many users speak at once, and each first request is answered so; seen are the kinds of outcomes."""

    answer: Answer
    users: int = 5

    async def seen(self) -> object:
        async with LLMServer(tokens=["Paris."], answers=[self.answer] * self.users) as server:
            responder = behind(server)
            told = await asyncio.gather(*(outcome(responder) for _ in range(self.users)))
            await responder.close()
        return {" ".join(each) for each in told}


def says(*tokens: Any, **fields: Any) -> Answer:
    return Answer(list(tokens), **fields)


def error_body(message: str, **fields: Any) -> str:
    """An error body as OpenAI writes them."""
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", **fields}})


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str, *calls: ToolCalled) -> Message:
    return Message("assistant", text, calls)


SYSTEM = Message("system", "Be brief.")
RESULT = Message("tool", "noon", tool_call_id="c1")
USUAL = ["Hello there."]
EVERYTHING = {"max_tokens", "temperature", "tools", "system", "user"}


def shown(name: str, history: Sequence[Message], *expected: str) -> Habit[Given]:
    """A history that many endpoints would refuse as it is."""
    return Habit("alternating roles", name, Remembers(history), list(expected))


def refused(name: str, parameters: str, error_body: str, left: str, **fields: Any) -> Habit[Given]:
    """A refusal that is learned: of the reply's request, one request without a user's words shows what is
    always refused, and has one more for each parameter; then both replies are given."""
    names = tuple(parameters.split())
    expected = ([USUAL, USUAL], 4 + len(names), set(left.split()))
    return Habit("refused parameters", name, Refuses(names, error_body, **fields), expected)


def unlearned(name: str, message: str, status: int = 400) -> Habit[Given]:
    """A refusal of one user's request, of which nothing is learned."""
    refusal = Answer(status=status, page=("application/json", error_body(message)))
    return Habit("refusals of one request", name, RefusesOne(refusal), EVERYTHING)


def reply(kind: str, name: str, *answers: Answer, expected: object, **fields: Any) -> Habit[Given]:
    """What becomes of the answers."""
    return Habit(kind, name, Streams(answers, **fields), expected)


def shown_at_once(kind: str, name: str, answer: Answer, *expected: str, **fields: Any) -> Habit[Given]:
    """An answer of an endpoint whose replies are known to begin with the answer."""
    told = [["Yes."], list(expected)]
    return reply(kind, name, says("Yes."), answer, replies=2, expected=told, **fields)


def reasoning(name: str, *tokens: Any, expected: str = "Paris.", **fields: Any) -> Habit[Given]:
    """Reasoning, and an answer behind it."""
    return reply("reasoning", name, says(*tokens), expected=[expected], **fields)


HISTORIES = [
    shown("a reply failed", [user("One."), user("Two.")], "user: One.\nTwo."),
    shown("a reply was empty", [user("One."), assistant(""), user("Two.")], "user: One.\nTwo."),
    shown("a reply was blanks", [user("One."), assistant(" \n"), user("Two.")], "user: One.\nTwo."),
    shown("three replies failed", [user("1"), user("2"), user("3"), user("4")], "user: 1\n2\n3\n4"),
    shown(
        "two replies in a row",
        [user("One."), assistant("A."), assistant("B."), user("Two.")],
        *("user: One.", "assistant: A.\nB.", "user: Two."),
    ),
    shown(
        "the beginning was forgotten",
        [assistant("A."), user("Two.")],
        *("user: ...", "assistant: A.", "user: Two."),
    ),
    shown(
        "interrupted after the answer of a tool",
        [user("One."), assistant("", CALL), RESULT, user("Two.")],
        *("user: One.", "assistant: ", "tool: noon", "assistant: ...", "user: Two."),
    ),
    shown(
        "a tool in the background has answered",
        [user("One."), assistant("A."), assistant("", CALL), RESULT, user("Two.")],
        *("user: One.", "assistant: A.", "user: ...", "assistant: ", "tool: noon"),
        *("assistant: ...", "user: Two."),
    ),
    shown(
        "two rounds of calls",
        [user("One."), assistant("", CALL), RESULT, assistant("", CALL), RESULT],
        *("user: One.", "assistant: ", "tool: noon", "assistant: ", "tool: noon"),
    ),
    shown("nobody has spoken yet", [SYSTEM], "system: Be brief.", "user: Say OK."),
    shown("there is nothing at all", [], "user: Say OK."),
    shown("blanks were said", [SYSTEM, user(" \t ")], "system: Be brief.", "user: Say OK."),
    shown("a reply is last", [user("1"), assistant("A.")], "user: 1", "assistant: A.", "user: Say OK."),
    shown("NUL in what was typed", [user("One\0.")], "user: One."),
]

REFUSALS: list[Habit[Given]] = [
    refused(
        "the old name of the token limit",
        "max_tokens",
        error_body(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            param="max_tokens",
            code="unsupported_parameter",
        ),
        "max_completion_tokens temperature tools system user",
    ),
    refused(
        "any token limit",
        "max_tokens max_completion_tokens",
        '{"detail": "Unsupported parameter(s): max_tokens, max_completion_tokens"}',
        "temperature tools system user",
    ),
    refused(
        "a temperature, at OpenAI",
        "temperature",
        error_body(
            "Unsupported value: 'temperature' does not support 0.7 with this model. "
            "Only the default (1) value is supported."
        ),
        "max_tokens tools system user",
    ),
    refused(
        "a temperature, by a strict schema",
        "temperature",
        '{"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra inputs"}]}',
        "max_tokens tools system user",
        status=422,
    ),
    refused(
        "tools, by vLLM without a parser for them",
        "tools",
        error_body('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
        "max_tokens temperature system user",
    ),
    refused(
        "tools, by Ollama",
        "tools",
        error_body("registry.ollama.ai/library/gemma:2b does not support tools"),
        "max_tokens temperature system user",
    ),
    refused(
        "tools, by a router",
        "tools",
        error_body("No endpoints found that support tool use."),
        "max_tokens temperature system user",
        status=404,
    ),
    refused(
        "the system role, by a chat template",
        "system",
        error_body("System role not supported"),
        "max_tokens temperature tools user",
        status=500,
    ),
    refused(
        "the system role, which breaks the order of roles",
        "system",
        error_body("Conversation roles must alternate user/assistant/user/assistant/..."),
        "max_tokens temperature tools user",
    ),
    refused(
        "the system role, by its number",
        "system",
        error_body("Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        "max_tokens temperature tools user",
    ),
    refused(
        "the system role, at Google",
        "system",
        error_body("Developer instruction is not enabled for models/gemma-3-1b-it"),
        "max_tokens temperature tools user",
    ),
    refused(
        "a temperature, by an error in the stream",
        "temperature",
        'data: {"error": {"message": "temperature is not supported", "code": 400}}\n\n',
        "max_tokens tools system user",
        status=200,
        content_type="text/event-stream",
    ),
    refused(
        "a temperature, by an error in the stream behind a role",
        "temperature",
        'data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}\n\n'
        'data: {"error": {"message": "temperature is not supported", "code": 400}}\n\n',
        "max_tokens tools system user",
        status=200,
        content_type="text/event-stream",
    ),
    refused(
        "a temperature, after the user has said the same words",
        "temperature",
        error_body("temperature is not supported"),
        "max_tokens tools system user",
        prompt=(Message("system", "Be brief."), Message("user", "not supported")),
    ),
    refused(
        "tools, where the system prompt has the same words",
        "tools",
        error_body("This model does not support tools."),
        "max_tokens temperature system user",
        prompt=(Message("system", "Say so if a model does not support tools."), Message("user", "Hi.")),
    ),
    refused(
        "all at once, one after the other",
        "max_tokens max_completion_tokens temperature tools system",
        "unsupported: system role, tools, temperature, max_tokens, max_completion_tokens",
        "user",
        content_type="text/plain",
    ),
    Habit(
        "refused parameters",
        "the system role, and what becomes of the system prompt",
        Remembers(ASKED, refused="System role not supported"),
        ["user: Be brief.\nWhere is it?"],
    ),
    Habit(
        "refused parameters",
        "something else, of which nothing is learned",
        Refuses(
            ("user",),
            error_body("This model's maximum context length is 10 tokens, however max_tokens is 300."),
        ),
        ([["!llm_rejected"]] * 2, 2, {"max_tokens", "temperature", "tools", "system", "user"}),
    ),
    Habit(
        "refused parameters",
        "what the user has said, and the endpoint repeats",
        Refuses(
            ("user",),
            error_body("Flagged: 'Are tools not supported, or is it the system role?'"),
            prompt=(
                Message("system", "Be brief."),
                Message("user", "Are tools not supported, or is it the system role?"),
            ),
        ),
        ([["!llm_rejected"]] * 2, 2, {"max_tokens", "temperature", "tools", "system", "user"}),
    ),
    Habit(
        "refused parameters",
        "a model that does not exist",
        Refuses(
            ("model",), error_body("The model `tool-7b` does not exist", code="model_not_found"), status=404
        ),
        ([["!llm_rejected"]] * 2, 2, {"max_tokens", "temperature", "tools", "system", "user"}),
    ),
]

UNLEARNED = [
    unlearned(
        "a call that the model got wrong",
        "tool call validation failed: attempted to call tool 'clock2', which is not allowed by request.tools",
    ),
    unlearned(
        "a result without its call",
        "Invalid parameter: messages with role 'tool' must be a response to a message with 'tool_calls'",
    ),
    unlearned("a role out of its order", "Unexpected role 'user' after role 'tool'"),
    unlearned("a tool that is unknown", "Unknown tool: 'clock2' is not in the list of tools"),
    unlearned("text that looks like a tool's", "Tools are not allowed in this message"),
    unlearned("text that looks like the system's", "System instructions are not permitted in user messages"),
    unlearned("a prompt that is too long", "max_tokens of 300 is not supported with a prompt of 4000 tokens"),
    unlearned("a breakdown", "Internal system error: unexpected EOF", status=500),
    unlearned("a breakdown over a template", "System role not supported", status=500),
]

REASONING = [
    reasoning("in tags", "<think>", "The capital", " of France.", "</think>", "\n\nParis", "."),
    reasoning("in tags that are split", "<th", "ink>Hm", ". </thi", "nk", "> ", "Paris."),
    reasoning("in tags, a letter at a time", *"<think>Hm.</think>Paris."),
    reasoning("in tags of another name", "<thinking>Hm.</thinking>Paris."),
    reasoning("in tags in capitals", "<THOUGHT>Hm.</Thought>Paris."),
    reasoning("in square brackets", "[THINK]Hm.[/THINK]Paris."),
    reasoning("in triangles", "◁think▷Hm.◁/think▷Paris."),
    reasoning(
        "in tags of many words",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Paris.<|END_RESPONSE|>",
    ),
    reasoning(
        "in channels",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>",
        "Paris.<|return|>",
    ),
    reasoning("and the answer in tags, too", "<think>Hm.</think>\n<answer>\nParis.</answer>"),
    reasoning("with an end tag only", "Hm. The capital", " of France.", "\n</think>\n\n", "Paris."),
    reply(
        "reasoning",
        "with an end tag only, again and for long",
        says("Hm.</think>Paris."),
        says("Hm. " * 1000, "</think>", "Rome."),
        replies=2,
        expected=[["Paris."], ["Rome."]],
    ),
    reasoning(
        "with an end tag only, for long, of a model that is named for it",
        *("Hm. " * 1000, "</think>", "Paris."),
        options={"model": "deepseek-r1:7b"},
    ),
    reasoning("not at all, of a model that is named for it", "Paris", ".", options={"model": "qwq"}),
    reply(
        "reasoning",
        "not at all, of a model that is named for that",
        says("Once upon", finish="length"),
        options={"model": "grok-4-fast-non-reasoning"},
        expected=["Once upon", "[llm_token_limit]"],
    ),
    reply(
        "reasoning",
        "that is none: a user has asked for an end tag",
        *(says("Yes."), says("Here: </think>"), says("Once upon", finish="length")),
        replies=3,
        expected=[["Yes."], ["Here: "], ["Once upon", "[llm_token_limit]"]],
    ),
    reasoning("that is empty", "<think>\n\n</think>\n\nParis."),
    reasoning("in the middle", "Par<think>Hm.</think>is."),
    reasoning("that is none: a tag of another kind", "a <", "b> c", expected="a <b> c"),
    reasoning("that is none: a comparison", "1 <", " 2 <", expected="1 < 2 <"),
    reasoning("in a field", {"reasoning_content": "Hm."}, {"content": "Paris."}),
    reasoning("in a field of another name", {"reasoning": "Hm.", "content": ""}, "Paris."),
    reasoning("in a field with structure", {"thinking": {"content": "Hm."}}, "Paris."),
    reasoning("in a list of details", {"reasoning_details": [{"text": "Hm."}]}, "Paris."),
    reasoning(
        "in parts",
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
        {"content": [{"type": "text", "text": "Paris."}]},
    ),
    reply(
        "reasoning",
        "for longer than the limit for a first token",
        says(*[{"reasoning_content": "Hm. "}] * 12, "Paris.", token_delay_s=0.2),
        options={"first_token_timeout_ms": 2_000, "next_token_timeout_ms": 2_000},
        expected=["Paris."],
    ),
]

ENDS = [
    reply(
        "refusals",
        "in a field of their own",
        says({"refusal": "I can't do that."}),
        expected=["I can't do that."],
    ),
    reply("filters", "before a word", says(finish="content_filter"), expected=["!llm_filtered"]),
    reply(
        "filters",
        "in mid-sentence",
        says("To make", finish="content_filter"),
        expected=["To make", "!llm_filtered"],
    ),
    reply("filters", "in another spelling", says(finish="SAFETY"), expected=["!llm_filtered"]),
    reply(
        "token limits",
        "in mid-sentence",
        says("Once upon", finish="length"),
        expected=["Once upon", "[llm_token_limit]"],
    ),
    reply(
        "token limits",
        "in another spelling",
        says("Once", finish="MAX_TOKENS"),
        expected=["Once", "[llm_token_limit]"],
    ),
    reply("token limits", "in reasoning", says("<think>Hm", finish="length"), expected=["!llm_token_limit"]),
    reply(
        "token limits",
        "in reasoning without a begin tag",
        says("Hm. Let me see", finish="length"),
        options={"model": "QwQ-32B"},
        expected=["!llm_token_limit"],
    ),
    reply(
        "token limits",
        "in a tool call",
        says(tool_calls=[("clock", '{"zo')], finish="length"),
        expected=["!llm_token_limit"],
    ),
    reply("empty replies", "once", says(), says("Paris."), expected=["[llm_empty]", "Paris."]),
    reply("empty replies", "always", says(), expected=["[llm_empty]", "!llm_empty"]),
    reply("empty replies", "blanks", says(" ", "\n"), expected=["[llm_empty]", "!llm_empty"]),
    reply(
        "empty replies",
        "reasoning in tags",
        says("<think>Hm.</think>"),
        expected=["[llm_reasoning_only]", "!llm_reasoning_only"],
    ),
    reply(
        "empty replies",
        "reasoning in a field",
        says({"reasoning": "Hm."}),
        expected=["[llm_reasoning_only]", "!llm_reasoning_only"],
    ),
    reply(
        "empty replies",
        "three, and the endpoint is asked on",
        says(),
        replies=3,
        expected=[["[llm_empty]", "!llm_empty"]] * 3,
    ),
    reply("finish reasons", "none, and [DONE]", says("Paris.", finish=None), expected=["Paris."]),
    reply(
        "finish reasons",
        "empty in every chunk",
        says({"index": 0, "delta": {"content": "Paris."}, "finish_reason": ""}),
        expected=["Paris."],
    ),
    reply("finish reasons", "unheard of", says("Paris.", finish="eos"), expected=["Paris."]),
    shown_at_once("finish reasons", "an error", says("Par", finish="error"), "Par", "!llm_broken"),
    reply(
        "finish reasons",
        "an error behind text that nobody has seen",
        says("Par", finish="error"),
        says("Paris."),
        expected=["[llm_broken]", "Paris."],
    ),
    shown_at_once(
        "finish reasons",
        "none, and no [DONE]",
        says("Par", ending=Ending.UNFINISHED),
        *("Par", "!llm_interrupted"),
    ),
    reply(
        "finish reasons",
        "none, and no [DONE], behind text that nobody has seen",
        says("Par", ending=Ending.UNFINISHED),
        says("Paris."),
        expected=["[llm_interrupted]", "Paris."],
    ),
    reply(
        "finish reasons",
        "none, and nothing",
        says(finish=None),
        says("Paris."),
        expected=["[llm_empty]", "Paris."],
    ),
    reply(
        "finish reasons",
        "stop, although a tool is called",
        says(tool_calls=[("clock", "{}")], finish="stop"),
        expected=["clock()"],
    ),
]

STREAMS: list[Habit[Given]] = [
    reply(
        "choices",
        "a second one",
        says(
            "Par",
            {"index": 1, "delta": {"content": "Lon"}},
            "is.",
            {"index": 1, "delta": {"content": "don."}},
        ),
        expected=["Paris."],
    ),
    reply("choices", "without a number", says({"delta": {"content": "Paris."}}), expected=["Paris."]),
    shown_at_once(
        "stalls",
        "in mid-reply",
        says("Par", "is.", token_delay_s=60),
        *("Par", "!llm_timeout"),
        options={"next_token_timeout_ms": 1_000},
    ),
    reply(
        "stalls",
        "behind text that nobody has seen",
        says("Par", "is.", token_delay_s=60),
        says("Paris."),
        options={"next_token_timeout_ms": 300},
        expected=["[llm_timeout]", "Paris."],
    ),
    reply(
        "lost connections",
        "behind text that nobody has seen",
        says("Par", ending=Ending.CUT),
        says("Paris."),
        expected=["[llm_interrupted]", "Paris."],
    ),
    reply(
        "stalls",
        "in reasoning",
        says({"reasoning": "Hm."}, "Paris.", token_delay_s=60),
        says("Paris."),
        options={"next_token_timeout_ms": 300},
        expected=["[llm_timeout]", "Paris."],
    ),
    reply(
        "events",
        "without data",
        says(b"data:\n\n", "Paris.", b"event: ping\ndata: {}\n\n"),
        expected=["Paris."],
    ),
    shown_at_once(
        "events",
        "an error",
        says("Par", b'data: {"error": {"message": "no memory"}}\n\n'),
        *("Par", "!llm_broken"),
    ),
    reply(
        "events",
        "an error as an object",
        says(b'data: {"object": "error", "message": "no memory"}\n\n'),
        expected=["[llm_broken]", "!llm_broken"],
    ),
    reply(
        "no stream",
        "a page",
        Answer(page=("text/html", "<h1>Log in</h1>")),
        expected=["[llm_broken]", "!llm_broken"],
    ),
    reply(
        "no stream",
        "a document",
        Answer(page=("application/json", "{}")),
        expected=["[llm_broken]", "!llm_broken"],
    ),
    reply(
        "rate limits",
        "for a moment",
        Answer(status=429, retry_after="0.2"),
        says("Paris."),
        expected=["[llm_rate_limited]", "Paris."],
    ),
    reply("rate limits", "for long", Answer(status=429, retry_after="30"), expected=["!llm_rate_limited"]),
    reply("rate limits", "for an unknown time", Answer(status=429), expected=["!llm_rate_limited"]),
    reply(
        "rate limits",
        "of an endpoint that is busy",
        Answer(status=503, retry_after="0.2"),
        says("Paris."),
        expected=["[llm_broken]", "Paris."],
    ),
    Habit(
        "rate limits",
        "for a moment, of many users at once",
        ManyUsers(Answer(status=429, retry_after="0.2", first_token_delay_s=0.3)),
        {"[llm_rate_limited] Paris."},
    ),
    Habit(
        "rate limits",
        "of an endpoint that is busy, of many users at once",
        ManyUsers(Answer(status=503, retry_after="0.2", first_token_delay_s=0.3)),
        {"[llm_broken] Paris."},
    ),
]

HABITS: list[Habit[Given]] = [*HISTORIES, *REFUSALS, *UNLEARNED, *REASONING, *ENDS, *STREAMS]


@pytest.mark.usefixtures("virtual_clock")
@pytest.mark.parametrize("habit", rows(HABITS))
async def test_habit(habit: Habit[Given]) -> None:
    assert await habit.given.seen() == habit.expected
