"""Conversations on the page, in a real browser with a microphone."""

import re
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from clients.conversation import normalised
from clients.samples import sample_named
from tests.llm_server import Answer
from tests.page.browser import Visit
from tests.page.stage import Servers

LONG_REPLY = ("This takes a while to say. " * 20).split(" ")
PRESSED = re.compile("true")
# keeps every text that the page has shown in these elements
RECORD = """
window.shown = { ".stable": [], ".tentative": [], ".reply-text": [], "#state": [] };
new MutationObserver(() => {
  for (const [selector, texts] of Object.entries(window.shown)) {
    const text = [...document.querySelectorAll(selector)].at(-1)?.textContent;
    if (text && text !== texts.at(-1)) texts.push(text);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


def shown(page: Page, selector: str) -> list[str]:
    """The texts that the last such element has had, one after the other."""
    texts: list[str] = page.evaluate("selector => window.shown[selector]", selector)
    return texts


def talk(visit: Visit, stage: Servers, sample: str) -> str:
    """Opens the page and speaks; returns what is said."""
    speech = sample_named(sample)
    visit.hears(speech.path)
    visit.page.add_init_script(RECORD)
    visit.page.goto(stage.page)
    visit.page.get_by_role("button", name="Talk").click()
    return speech.utterances[0].text


def said(page: Page) -> Locator:
    return page.locator(".said").last


def expect_said(page: Page, text: str) -> None:
    """The last utterance has these words, of which the bundled model may mishear one; case and punctuation do
    not matter."""
    words = [re.escape(word) for word in normalised(text)]
    forms = (r"\W+".join([*words[:at], r"\w+", *words[at + 1 :]]) for at in range(len(words)))
    expect(said(page)).to_have_text(re.compile(rf"^\W*({'|'.join(forms)})\W*$", re.IGNORECASE))


def is_heard(visit: Visit, ms: int) -> None:
    """Waits until the sound output has played so much of the reply."""
    for _ in range(1_000):
        played = [int(re.findall(r'"audio_ms":(\d+)', frame)[0]) for frame in visit.requests("played")]
        if max(played, default=0) >= ms:
            return
        visit.page.wait_for_timeout(30)
    pytest.fail(f"not {ms} ms of the reply were played, but {played}")


def test_words_appear_while_they_are_said_and_the_reply_is_heard(visit: Visit, stage: Servers) -> None:
    stage.llm.tokens, stage.llm.token_delay_s = ["It will", " rain", " in the", " afternoon."], 0.1
    text = talk(visit, stage, "question-1.wav")
    expect_said(visit.page, text)
    expect(visit.page.locator(".reply-text")).to_have_text("It will rain in the afternoon.")
    partials = shown(visit.page, ".stable")[:-1]
    assert partials, "words were shown before the sentence ended"
    assert shown(visit.page, ".tentative")
    replies = shown(visit.page, ".reply-text")
    assert len(replies) > 2
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(replies))
    is_heard(visit, 1_000)
    latency = visit.page.locator(".latency")
    expect(latency).to_contain_text("reply after")
    for step in ("end of speech", "recognition", "model", "voice"):
        expect(latency).to_contain_text(step)
    expect(visit.page.locator("#announcements")).to_contain_text("Assistant: It will rain in the afternoon.")


def test_speech_over_a_reply_stops_it(visit: Visit, stage: Servers) -> None:
    stage.llm.tokens, stage.llm.token_delay_s = [f"{word} " for word in LONG_REPLY], 0.0
    talk(visit, stage, "question-3.wav")
    is_heard(visit, 500)
    visit.page.get_by_role("button", name="Mute").click()
    stage.llm.tokens = ["All", " right."]
    visit.hears(sample_named("command-1.wav").path)
    visit.page.get_by_role("button", name="Talk").click()
    expect(visit.page.locator(".ending").first).to_have_text(" (interrupted)")
    heard = visit.page.locator(".reply-text").first.inner_text()
    assert 0 < len(heard) < len(" ".join(LONG_REPLY))
    expect(visit.page.locator(".reply-text").last).to_have_text("All right.")


def test_a_cut_connection_resumes_without_a_lost_word(visit: Visit, stage: Servers) -> None:
    stage.llm.tokens = ["Noted."]
    text = talk(visit, stage, "digits-1.wav")
    expect(said(visit.page)).to_contain_text("phone")
    before = stage.relay.connections
    stage.cut()
    expect_said(visit.page, text)
    expect(visit.page.locator("#state")).to_have_text("Connected")
    expect(visit.page.locator(".reply-text")).to_have_text("Noted.")
    assert stage.relay.connections > before
    assert any("reconnecting" in text for text in shown(visit.page, "#state"))
    assert visit.page.locator(".turn:visible").count() == 1


def test_all_of_it_works_by_keyboard(visit: Visit, stage: Servers) -> None:
    stage.llm.tokens, stage.llm.token_delay_s = [f"{word} " for word in LONG_REPLY], 0.05
    visit.hears(sample_named("yes-1.wav").path)
    visit.page.goto(stage.page)
    keyboard = visit.page.keyboard
    focused = visit.page.locator(":focus")
    for expected in ("settings-button", "talk", "message"):
        keyboard.press("Tab")
        expect(focused).to_have_attribute("id", expected)
    keyboard.type("Tell me a story")
    keyboard.press("Enter")
    expect(said(visit.page)).to_have_text("Tell me a story")
    expect(visit.page.locator(".reply-text")).to_contain_text("takes")
    keyboard.press("Escape")
    expect(visit.page.locator(".ending")).to_have_text(" (stopped)")
    stage.llm.tokens = ["Hm."]
    keyboard.press("Shift+Tab")
    keyboard.press("Space")
    expect(focused).to_have_attribute("aria-pressed", PRESSED)
    expect_said(visit.page, "Yes, please.")


def answer_with_a_tool(body: dict[str, Any]) -> Answer | None:
    """Answers the question of the test, and no other request, such as one that reads the prompt ahead."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return Answer(["Three."])
    asked = last["content"] == "What is one and two?"
    return Answer(tool_calls=[("add", '{"a": 1, "b": 2}')]) if asked else None


def test_calls_of_tools_are_shown(visit: Visit, stage: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.llm, "script", answer_with_a_tool)
    visit.page.goto(stage.page)
    visit.page.get_by_label("Message").fill("What is one and two?")
    visit.page.get_by_role("button", name="Send").click()
    expect(visit.page.locator(".reply-text")).to_have_text("Three.")
    expect(visit.page.locator(".tool summary")).to_have_text("add: done")
    expect(visit.page.locator(".tool code")).to_contain_text('{"a": 1, "b": 2} → 3')


def test_replies_are_silent_where_that_is_wanted(visit: Visit, stage: Servers) -> None:
    stage.llm.tokens = ["Quiet."]
    visit.page.goto(stage.page)
    visit.page.get_by_role("button", name="Settings").click()
    visit.page.get_by_label("Speak replies aloud").uncheck()
    visit.page.get_by_label("Message").fill("Hush")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(".latency")).to_contain_text("model")
    assert visit.requests("played") == []


def test_another_microphone_can_be_chosen_and_its_level_is_shown(visit: Visit, stage: Servers) -> None:
    stage.llm.tokens = ["Yes."]
    talk(visit, stage, "digits-1.wav")
    button = visit.page.locator("#talk")
    visit.page.get_by_role("button", name="Settings").click()
    choices = visit.page.get_by_label("Microphone", exact=True)
    expect(choices.locator("option").nth(2)).to_be_attached()
    choices.select_option(index=2)
    expect(button).to_have_attribute("aria-pressed", PRESSED)
    expect(button).to_have_attribute("style", re.compile(r"--level: 0\.[3-9]"))
