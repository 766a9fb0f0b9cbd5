"""What the page does with a token that is entered when the old one has expired."""

from typing import Any

from playwright.sync_api import expect

from tests.page.browser import Visit
from tests.page.scripted_stream import ScriptedStream
from tests.page.stage import Servers


def answered(_: str) -> list[dict[str, Any]]:
    """The answer to a typed message."""
    done = {"type": "reply_done", "turn": 1, "text": "Yes.", "reason": "completed"}
    return [{"type": "reply_started", "turn": 1}, done]


def begun(visit: Visit, stage: Servers) -> ScriptedStream:
    """A session in which a message was typed and answered."""
    stream = ScriptedStream(visit.page, answered)
    visit.page.goto(stage.page)
    visit.page.get_by_label("Message").fill("Book a table")
    visit.page.keyboard.press("Enter")
    stream.begin_session()
    expect(visit.page.locator(".reply-text")).to_have_text("Yes.")
    return stream


def enter_token(visit: Visit) -> None:
    visit.page.get_by_label("Access token").fill("t0ken")
    visit.page.get_by_role("button", name="Connect").click()


def test_an_answered_message_is_not_sent_again(visit: Visit, stage: Servers) -> None:
    stream = begun(visit, stage)
    stream.end_session("token_expired")
    expect(visit.page.locator("#state")).to_have_text("Disconnected")
    enter_token(visit)
    stream.begin_session(2)
    expect(visit.page.locator("#state")).to_have_text("Connected")
    visit.page.get_by_label("Message").fill("For two")
    visit.page.keyboard.press("Enter")
    stream.until(lambda: "For two" in stream.texts)
    assert stream.texts == ["Book a table", "For two"]


def test_a_muted_microphone_stays_muted(visit: Visit, stage: Servers) -> None:
    visit.hears_nothing()
    stream = ScriptedStream(visit.page)
    visit.page.goto(stage.page)
    visit.page.get_by_role("button", name="Talk").click()
    stream.begin_session()
    stream.until(lambda: bool(stream.audio))
    visit.page.get_by_role("button", name="Mute").click()
    stream.end_session("token_expired")
    expect(visit.page.locator("#state")).to_have_text("Disconnected")
    enter_token(visit)
    stream.begin_session(2)
    expect(visit.page.locator("#state")).to_have_text("Connected")
    expect(visit.page.locator("#talk")).to_have_attribute("aria-pressed", "false")


def test_an_open_session_gets_the_token(visit: Visit, stage: Servers) -> None:
    stream = begun(visit, stage)
    stream.send({"type": "error", "code": "token_expired", "message": "", "retryable": False})
    enter_token(visit)
    stream.until(lambda: bool(stream.of("refresh")))
    assert stream.of("refresh") == [{"type": "refresh", "token": "t0ken"}]
    expect(visit.page.get_by_role("alert")).to_be_hidden()
    assert stream.texts == ["Book a table"]
    assert len(stream.sockets) == 1
