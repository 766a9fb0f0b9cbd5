"""The form of the requests to one model endpoint, and the parameters that the endpoint has refused.

Some endpoints refuse parameters that others require: the old or the new name of the token limit, the
temperature, tools, the system role. A refused parameter is left out, or expressed in another way: in the next
attempt at the same reply, and in all later requests if the endpoint also refuses it in a request in which
nothing is of a client (llm_responder.py).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from voicegw.core.responder import ReplyRequest
from voicegw.reply.llm.prompt import EXTRA_CONTENT, entries
from voicegw.reply.llm.requested_tools import all_tools, tool_parameters

SYSTEM = "system"  # the system role, in sets of parameter names
_TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")

_REFUSAL = re.compile(
    r"unsupported|\bno.{0,40}support|n't support|unrecogni[sz]ed|unknown|unexpected|forbidden|deprecated|"
    r"\bnot.{0,10}(?:permitted|allowed|enabled|accepted)|extra|requires|only the default|must alternate|"
    r"(?:invalid|not a valid) (?:argument|parameter|field|role)",
    re.IGNORECASE,
)
_PATTERNS = {
    "stream_options": r"\bstream[ _]options\b|\binclude_usage\b",
    "temperature": r"\btemperature\b",
    "max_tokens": r"\bmax_tokens\b",
    "max_completion_tokens": r"\bmax_completion_tokens\b",
    # "tool call" and "role 'tool'" are left out: errors about one bad call or result use these words.
    "tool_choice": r"\btool[ _]choice\b",
    "parallel_tool_calls": r"\bparallel[ _]tool[ _]calls\b",
    "reasoning_effort": r"\breasoning[ _]effort\b",
    EXTRA_CONTENT: r"\bextra_content\b",
    "tools": r"(?<!request\.)\btools\b|\btool[ _]choice\b|\bfunctions\b|\bfunction calling\b|"
    r"\bsupport.{0,20}\btool|\btool (?:use|calling|calls|support) (?:is|are) not\b",
    # A template without the system role often says only that the roles must alternate; ours do alternate.
    SYSTEM: r"\bsystem['\"`]?[ _](?:role|message|prompt|instruction)|\brole.{0,40}\bsystem\b|"
    r"['\"`]system['\"`]|\bdeveloper instruction|\brole'?s? must alternate|conversation roles",
}
_PARAMETERS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _PATTERNS.items()}


@dataclass(frozen=True)
class RequestForm:
    """fixed: the parameters of every request; new_name_first: whether the token limit is named
    `max_completion_tokens` until that is refused; refused: the parameters that the endpoint refuses."""

    fixed: dict[str, Any]
    new_name_first: bool = False
    refused: frozenset[str] = field(default=frozenset())

    def body(self, request: ReplyRequest, max_tokens: int) -> dict[str, Any]:
        """The JSON body of a request."""
        asked = request.parameters
        limits = [
            name for name in _TOKEN_LIMITS[:: -1 if self.new_name_first else 1] if name not in self.refused
        ]
        limit = {name: min(max_tokens, asked.max_tokens or max_tokens) for name in limits[:1]}
        messages = entries(
            request.messages,
            system=SYSTEM not in self.refused,
            tools="tools" not in self.refused,
            extra=EXTRA_CONTENT not in self.refused,
        )
        kept = {name: value for name, value in self.fixed.items() if name not in self.refused}
        tools = [] if "tools" in self.refused else all_tools(kept.pop("tools", []), request)
        wanted = ({"tools": tools} | tool_parameters(asked)) if tools else {}
        if asked.effort:
            wanted["reasoning_effort"] = asked.effort
        kept |= {name: value for name, value in wanted.items() if name not in self.refused}
        return {**kept, **limit, "messages": messages}

    def without(self, names: Iterable[str]) -> "RequestForm":
        """The form without these parameters."""
        return replace(self, refused=self.refused.union(names))

    def simpler(self) -> "list[RequestForm]":
        """Forms with fewer and fewer parameters, for an endpoint that fails without naming a reason."""
        first = [{"stream_options"}, {"stream_options", SYSTEM}]
        return [self.without(names) for names in (*first, {*first[-1], "tools", "temperature"})]

    def without_refused(self, complaint: str, request: ReplyRequest) -> "RequestForm | None":
        """The form without the parameter that an endpoint's error text refuses; None when it names none."""
        if not _REFUSAL.search(complaint):
            return None
        body = self.body(request, max_tokens=1)
        sent = {*body, *(message["role"] for message in body["messages"])}
        sent.update(name for each in body["messages"] for call in each.get("tool_calls", ()) for name in call)
        found = [
            (match.start(), name)
            for name in _PARAMETERS
            if name in sent and (match := _PARAMETERS[name].search(complaint))
        ]
        return self.without({min(found)[1]}) if found else None
