import io

import msgspec
import pytest
from rich.console import Console

from clients.conversation import Conversation
from clients.terminal import (
    METER_WIDTH,
    OPEN_TURNS,
    JsonView,
    LineView,
    LiveView,
    View,
    latency,
    meter,
    reply,
    view,
    words,
)
from tests.clients.scripted_server import DONE, FINAL, LATENCY, PARTIAL, TURN
from voicegw.core.events import ModerationTarget, ReplyReason
from voicegw.dialects import native

GOING = native.GoingAwayMessage(seq=20, retry_after_ms=1000)
ERROR = native.ErrorMessage(seq=21, code="llm_timeout", message="too slow", retryable=True)


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, force_terminal=terminal, width=100, color_system=None), output


def play(shown: View, *messages: native.ServerMessage) -> None:
    conversation = Conversation()
    with shown:
        for message in messages:
            shown.show(message, conversation.receive(message))


def lines(*messages: native.ServerMessage) -> list[str]:
    screen, output = console(terminal=False)
    play(LineView(screen), *messages)
    return output.getvalue().splitlines()


def left_behind(*messages: native.ServerMessage) -> list[str]:
    """What a live view prints for good: without a terminal, nothing is drawn over."""
    screen, output = console(terminal=False)
    play(LiveView(screen), *messages)
    return output.getvalue().rstrip().splitlines()


def test_a_terminal_is_live_and_a_pipe_gets_lines() -> None:
    assert isinstance(view(console(terminal=True)[0]), LiveView)
    assert isinstance(view(console(terminal=False)[0]), LineView)


def test_each_step_of_a_turn_is_one_line() -> None:
    assert lines(*TURN) == [
        "turn 1 partial  What time is it",
        "turn 1 final    What time is it?",
        "turn 1 reply    It is noon.",
        "turn 1 latency  endpoint 520 · final 590 · first token 640 · done 900 ms",
    ]


def test_a_long_line_is_not_broken() -> None:
    assert len(lines(msgspec.structs.replace(FINAL, text="word " * 60))) == 1


def test_trouble_is_shown() -> None:
    assert lines(ERROR, GOING) == ["error    llm_timeout: too slow", "the server is going away"]
    assert left_behind(ERROR) == ["error    llm_timeout: too slow"]


ASIDE: dict[str, native.ServerMessage] = {
    'tool     clock({"zone": "CET"})': native.ToolCallMessage(
        seq=1, turn=1, id="c", name="clock", arguments='{"zone": "CET"}'
    ),
    "tool     clock: half": native.ToolProgressMessage(seq=1, turn=1, id="c", name="clock", content="half"),
    "tool     clock: noon": native.ToolResultMessage(
        seq=1, turn=1, id="c", name="clock", content="noon", ok=True
    ),
    "notice   llm_timeout: asked again": native.NoticeMessage(
        seq=1, turn=1, code="llm_timeout", message="asked again"
    ),
    "stopped  reply: violence": native.ModeratedMessage(
        seq=1, turn=1, what=ModerationTarget.REPLY, categories=["violence"]
    ),
}


@pytest.mark.parametrize(("line", "message"), ASIDE.items(), ids=list(ASIDE))
def test_what_happens_beside_the_words_is_a_line(line: str, message: native.ServerMessage) -> None:
    assert lines(message) == [f"turn 1 {line}"]
    assert left_behind(*TURN, message)[-1] == line


def test_stable_text_is_solid_and_tentative_text_dim() -> None:
    text = words("What time", "is it")
    assert text.plain == "What time is it"
    assert [(span.start, span.end) for span in text.spans if "dim" in str(span.style)] == [(10, 15)]


def test_text_that_is_written_without_blanks_is_shown_without() -> None:
    assert words("今日", "は", joined=True).plain == "今日は"
    partial = native.PartialMessage(seq=3, turn=1, stable="今日", tentative="は", audio_ms=9, joined=True)
    assert lines(partial) == ["turn 1 partial  今日は"]
    screen, output = console(terminal=True)
    play(LiveView(screen), partial)
    assert "今日は" in output.getvalue()


def test_an_interrupted_reply_says_so() -> None:
    assert reply("It is", ReplyReason.INTERRUPTED).plain == "It is [interrupted]"
    assert reply("It is", None).plain == "It is"


def test_a_step_that_did_not_happen_is_left_out() -> None:
    assert latency(native.LatencyMessage(seq=1, turn=1, final_ms=10)).plain == "final 10 ms"


def test_the_live_view_redraws_while_a_turn_is_open() -> None:
    screen, output = console(terminal=True)
    play(LiveView(screen), PARTIAL)
    assert "you  What time is it" in output.getvalue()


def test_the_live_view_leaves_a_finished_turn_behind() -> None:
    assert left_behind(*TURN) == [
        "  you  What time is it?",
        "reply  It is noon.",
        "       endpoint 520 · final 590 · first token 640 · done 900 ms",
    ]


def test_the_live_view_keeps_the_order_of_turns() -> None:
    second = msgspec.structs.replace(FINAL, turn=2, text="And now?")
    early = msgspec.structs.replace(LATENCY, turn=2)
    shown = left_behind(FINAL, second, early, DONE, LATENCY)
    assert [line for line in shown if "you" in line] == ["  you  What time is it?", "  you  And now?"]


def test_the_live_view_leaves_old_turns_without_latency() -> None:
    turns = [msgspec.structs.replace(FINAL, turn=number) for number in range(1, OPEN_TURNS + 3)]
    screen, output = console(terminal=False)
    with LiveView(screen) as live:
        conversation = Conversation()
        for message in turns:
            live.show(message, conversation.receive(message))
        assert output.getvalue().count("you") == 2


def test_the_live_view_shows_an_unfinished_turn_at_the_end() -> None:
    assert left_behind(PARTIAL) == ["  you  What time is it"]


def test_the_level_is_a_bar_below_the_open_turns() -> None:
    screen, output = console(terminal=True)
    with LiveView(screen) as shown:
        shown.hear(0.5)
    assert "level  " + "█" * (METER_WIDTH // 2) + "░" * (METER_WIDTH // 2) in output.getvalue()
    assert meter(None).plain == "  mic  off; press the space bar to talk"


def test_messages_are_lines_of_json() -> None:
    output = io.StringIO()
    play(JsonView(output), *TURN)
    assert [msgspec.json.decode(line)["seq"] for line in output.getvalue().splitlines()] == list(range(2, 10))


def test_a_turn_without_words_leaves_nothing_behind() -> None:
    empty = msgspec.structs.replace(FINAL, turn=2, text="")
    late = msgspec.structs.replace(LATENCY, turn=2)
    assert left_behind(*TURN, empty, late) == left_behind(*TURN)
