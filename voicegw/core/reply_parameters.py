"""What a client asks of the model for its replies, beside the prompt."""

from itertools import chain

import msgspec


class ClientTool(msgspec.Struct, frozen=True, array_like=True):
    """A function that the client carries out. parameters: the JSON Schema of its arguments, as JSON."""

    name: str
    description: str
    parameters: str


class ReplyParameters(msgspec.Struct, frozen=True, array_like=True):
    """tools: functions of the client, in addition to the tools of the server. A call of one of them is sent
    to the client and ends the reply; the client adds its result to the conversation.

    tool_choice: auto, none or required; empty for the endpoint's default. function: the name of the function
    that must be called. max_tokens: longest reply; None for the server's limit, which holds in any case.
    parallel_calls: whether one reply may contain several calls. effort: of the reasoning. The last two are
    passed on to the endpoint as they are, if set.
    """

    tools: tuple[ClientTool, ...] = ()
    tool_choice: str = ""
    function: str = ""
    max_tokens: int | None = None
    parallel_calls: bool | None = None
    effort: str = ""

    @property
    def declarations(self) -> str:
        """All that the model reads of the tools; empty without tools."""
        texts = ((tool.name, tool.description, tool.parameters) for tool in self.tools)
        return "\n".join(chain.from_iterable(texts))


NO_PARAMETERS = ReplyParameters()
