"""How the page opens sessions, and what it shows when one is lost."""

from typing import Any

from playwright.sync_api import expect

from tests.page.browser import Visit
from tests.page.scripted_stream import ScriptedStream
from tests.page.stage import Servers

SUBMIT = """texts => texts.forEach((text) => {
  document.querySelector("#message").value = text;
  document.querySelector("#typed").requestSubmit();
})"""
# 300 frames, each with its number as its samples, while a session is being opened
SPEAK_EARLY = """async () => {
  const { Session } = await import(new URL("page/session.js", document.baseURI));
  const session = new Session();
  session.client();
  for (let number = 0; number < 300; number += 1) session.sendAudio(new Int16Array(320).fill(number));
}"""


def begun(_: str) -> list[dict[str, Any]]:
    """A reply that has begun, with a tool that runs."""
    call = {"type": "tool_call", "turn": 1, "id": "c1", "name": "add", "arguments": "{}"}
    return [
        {"type": "reply_started", "turn": 1},
        {"type": "reply_delta", "turn": 1, "text": "It is"},
        call,
    ]


def test_messages_typed_while_a_session_is_opened_share_it_and_are_sent_once(
    visit: Visit, stage: Servers
) -> None:
    stream = ScriptedStream(visit.page)
    visit.page.goto(stage.page)
    visit.page.evaluate(SUBMIT, ["one", "one", "two"])
    stream.begin_session()
    stream.until(lambda: "two" in stream.texts)
    visit.page.evaluate(SUBMIT, ["three"])
    stream.until(lambda: "three" in stream.texts)
    assert stream.texts == ["one", "two", "three"]
    assert len(stream.sockets) == 1


def test_the_newest_of_what_is_said_while_a_session_is_opened_is_sent(visit: Visit, stage: Servers) -> None:
    stream = ScriptedStream(visit.page)
    visit.page.goto(stage.page)
    visit.page.evaluate(SPEAK_EARLY)
    stream.begin_session()
    stream.until(lambda: len(stream.audio) >= 200)
    numbers = [int.from_bytes(frame[:2], "little") for frame in stream.audio]
    assert numbers == list(range(100, 300))


def test_the_microphone_stays_open_on_a_server_without_a_voice(visit: Visit, stage: Servers) -> None:
    visit.hears_nothing()
    visit.page.goto(stage.voiceless)
    visit.page.get_by_role("button", name="Talk").click()
    expect(visit.page.locator("#state")).to_have_text("Connected")
    expect(visit.page.locator("#aloud")).to_be_disabled()
    expect(visit.page.locator("#talk")).to_have_attribute("aria-pressed", "true")


def test_a_reply_of_a_lost_session_has_failed(visit: Visit, stage: Servers) -> None:
    stream = ScriptedStream(visit.page, begun)
    visit.page.goto(stage.page)
    visit.page.evaluate(SUBMIT, ["What is one and two?"])
    stream.begin_session()
    expect(visit.page.locator("#stop")).to_be_visible()
    expect(visit.page.locator(".tool summary")).to_have_text("add: running")
    stream.sockets[-1].close(code=4001)
    expect(visit.page.locator("#state")).to_have_text("Disconnected")
    expect(visit.page.locator(".ending")).to_have_text(" (failed)")
    expect(visit.page.locator(".tool summary")).to_have_text("add: failed")
    expect(visit.page.locator("#send")).to_be_visible()
    expect(visit.page.locator("#stop")).to_be_hidden()


def test_a_message_of_a_lost_session_is_answered_by_the_next_one(visit: Visit, stage: Servers) -> None:
    stream = ScriptedStream(visit.page, begun)
    visit.page.goto(stage.page)
    visit.page.evaluate(SUBMIT, ["What is one and two?"])
    stream.begin_session()
    expect(visit.page.locator("#stop")).to_be_visible()
    stream.sockets[-1].close(code=1011)
    stream.begin_session(2)
    stream.until(lambda: len(stream.texts) == 2)
    stream.send({"type": "reply_done", "turn": 1, "text": "It is three.", "reason": "completed"})
    expect(visit.page.locator(".reply-text")).to_have_text("It is three.")
    expect(visit.page.locator(".tool")).to_have_count(1)
    expect(visit.page.locator("#send")).to_be_visible()


def test_replies_are_silent_where_that_was_wanted_while_a_session_was_opened(
    visit: Visit, stage: Servers
) -> None:
    stream = ScriptedStream(visit.page)
    visit.page.goto(stage.page)
    visit.page.evaluate(SUBMIT, ["Hush"])
    stream.until(lambda: len(stream.sockets) == 1)
    visit.page.get_by_role("button", name="Settings").click()
    visit.page.get_by_label("Speak replies aloud").uncheck()
    stream.begin_session()
    stream.until(lambda: bool(stream.texts))
    assert stream.of("configure") == [{"type": "configure", "reply": "text"}]


def test_replies_stay_silent_in_the_next_session(visit: Visit, stage: Servers) -> None:
    stream = ScriptedStream(visit.page)
    visit.page.goto(stage.page)
    visit.page.evaluate(SUBMIT, ["Hush"])
    stream.begin_session()
    visit.page.get_by_role("button", name="Settings").click()
    visit.page.get_by_label("Speak replies aloud").uncheck()
    stream.until(lambda: bool(stream.of("configure")))
    stream.send({"type": "ack", "samples": 0, "messages": len(stream.messages)})
    stream.sockets[-1].close(code=1011)
    stream.begin_session(2)
    stream.until(lambda: len(stream.of("configure")) == 2)
    assert stream.of("configure")[1] == {"type": "configure", "reply": "text"}
