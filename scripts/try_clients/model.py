"""A language model endpoint for the trials. When a light is wanted, it says a few words and calls a function
of the client; then it says what the function returned, later whether it knows of the light. Prints its URL;
ends when its input does."""

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.llm_server import Answer, LLMServer


def answer(body: dict[str, Any]) -> Answer:
    """A call, its result in words, or a few words."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return Answer(tokens=[str(last["content"]).strip('"'), "."])
    if "light" in last["content"] and body.get("tools"):
        return Answer(tokens=["One ", "moment."], tool_calls=[("turn_on", '{"what": "the light"}')])
    known = any("light" in str(message["content"]) for message in body["messages"][:-1])
    return Answer(tokens=["All ", "right."] if known else ["Have ", "we ", "met?"])


async def main() -> None:
    async with LLMServer(script=answer) as server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
