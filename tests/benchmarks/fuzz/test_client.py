"""Rude clients at servers that break the rules: each is caught."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from benchmarks.fuzz.client import Ending, FuzzClient, Outcome, Violation

Handler = Callable[[ServerConnection], None]
UNKNOWN = {"type": "error", "code": "unknown_type", "message": "?", "retryable": False}


@contextmanager
def served(handler: Handler) -> Iterator[str]:
    with serve(handler, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v1/stream"
        server.shutdown()
        thread.join()


def answering(*answers: dict[str, Any], close_code: int = 1000) -> Handler:
    """Answers what is no JSON of an `end` with the next of these, and closes at the end."""

    def handle(socket: ServerConnection) -> None:
        left = list(answers)
        try:
            for message in socket:
                if message == '{"type":"end"}':
                    socket.close(close_code)
                elif left:
                    socket.send(json.dumps(left.pop(0)))
        except ConnectionClosed:
            pass

    return handle


def attacked(handler: Handler, ending: Ending = Ending.NORMAL, messages: int = 0) -> Outcome:
    with served(handler) as url:
        return FuzzClient(url, Random(3), ending).run(messages)


def test_a_correct_server_has_no_violations() -> None:
    outcome = attacked(answering(UNKNOWN | {"seq": 1}))
    assert outcome.codes == {"unknown_type": 1}
    assert not outcome.sent


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"type": "error", "seq": 1}, "unknown message"),
        (UNKNOWN | {"seq": 2}, "message 2 received instead of 1"),
        (UNKNOWN | {"seq": 1, "code": "oops"}, "error oops"),
        (UNKNOWN | {"seq": 1, "code": "internal_error"}, "error internal_error"),
    ],
)
def test_an_undocumented_answer_is_a_violation(answer: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Violation, match=complaint):
        attacked(answering(answer))


def test_an_undocumented_close_code_is_a_violation() -> None:
    with pytest.raises(Violation, match="closed with 1011"):
        attacked(answering(UNKNOWN | {"seq": 1}, close_code=1011))


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.NORMAL])
def test_every_abrupt_ending(ending: Ending) -> None:
    outcome = attacked(answering(), ending, messages=5)
    assert outcome.sent <= (0 if ending is Ending.HANDSHAKE else 5)
    assert outcome.ending is ending
