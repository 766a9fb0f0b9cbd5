"""What a request to one model endpoint looks like, and what the endpoint has refused to take.

Endpoints refuse parameters that others want: the old or the new name of the token limit, a temperature,
tools, the system role. What was refused is left out, or told in another way: in the same reply, and in all
later requests if the endpoint refuses it of a prompt without a user's words, too (llm.py).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from voicegw.core.dialogue import ReplyRequest
from voicegw.reply.llm.prompt import entries

SYSTEM = "system"  # stands for the role, among the names of parameters
_LIMITS = ("max_tokens", "max_completion_tokens")

_REFUSAL = re.compile(
    r"unsupported|\bno.{0,40}support|n't support|unrecogni[sz]ed|unknown|unexpected|forbidden|deprecated|"
    r"\bnot.{0,10}(?:permitted|allowed|enabled|accepted)|extra|requires|only the default|must alternate|"
    r"(?:invalid|not a valid) (?:argument|parameter|field|role)",
    re.IGNORECASE,
)
_NAMED = {
    "stream_options": r"\bstream[ _]options\b|\binclude_usage\b",
    "temperature": r"\btemperature\b",
    "max_tokens": r"\bmax_tokens\b",
    "max_completion_tokens": r"\bmax_completion_tokens\b",
    # Of a call that the model got wrong, or of a result, endpoints say "tool call" or "role 'tool'".
    "tools": r"(?<!request\.)\btools\b|\btool[ _]choice\b|\bfunctions\b|\bfunction calling\b|"
    r"\bsupport.{0,20}\btool|\btool (?:use|calling|calls|support) (?:is|are) not\b",
    # A template that takes no system message often says only that the roles do not alternate; ours do.
    SYSTEM: r"\bsystem['\"`]?[ _](?:role|message|prompt|instruction)|\brole.{0,40}\bsystem\b|"
    r"['\"`]system['\"`]|\bdeveloper instruction|\brole'?s? must alternate|conversation roles",
}
_NAMES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _NAMED.items()}


@dataclass(frozen=True)
class RequestForm:
    """How this endpoint is asked. fixed: what every request contains; new_name_first: whether the token limit
    is called `max_completion_tokens` until that is refused; refused: what the endpoint does not take."""

    fixed: dict[str, Any]
    new_name_first: bool = False
    refused: frozenset[str] = field(default=frozenset())

    def body(self, request: ReplyRequest, max_tokens: int) -> dict[str, Any]:
        """What is posted for a request."""
        limits = [name for name in _LIMITS[:: -1 if self.new_name_first else 1] if name not in self.refused]
        limit = {name: max_tokens for name in limits[:1]}
        told = entries(request.messages, system=SYSTEM not in self.refused, tools="tools" not in self.refused)
        kept = {name: value for name, value in self.fixed.items() if name not in self.refused}
        if request.tools is not None and "tools" in kept:
            kept["tools"] = [each for each in kept["tools"] if each["function"]["name"] in request.tools]
            if not kept["tools"]:  # some endpoints refuse an empty list
                del kept["tools"]
        return {**kept, **limit, "messages": told}

    def without(self, names: Iterable[str]) -> "RequestForm":
        """The form without these parts of the request."""
        return replace(self, refused=self.refused.union(names))

    def plainer(self) -> "list[RequestForm]":
        """Forms for an endpoint that breaks down without naming a reason."""
        plain = [{"stream_options"}, {"stream_options", SYSTEM}]
        return [self.without(names) for names in (*plain, {*plain[-1], "tools", "temperature"})]

    def without_what(self, complaint: str, request: ReplyRequest) -> "RequestForm | None":
        """The form without the part of the request that the endpoint refuses; None when it names none."""
        if not _REFUSAL.search(complaint):
            return None
        body = self.body(request, max_tokens=1)
        roles = {message["role"] for message in body["messages"]}
        sent = [name for name in _NAMES if name in body or name in roles]
        found = [(match.start(), name) for name in sent if (match := _NAMES[name].search(complaint))]
        return self.without({min(found)[1]}) if found else None
