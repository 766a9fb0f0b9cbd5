"""How the page opens sessions."""

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
