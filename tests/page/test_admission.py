"""What the page says where the microphone or the server is refused."""

import time

import jwt
import pytest
from playwright.sync_api import expect

from tests.gateway.auth.test_authenticator import SECRET
from tests.page.browser import INSECURE_NAME, Visit
from tests.page.stage import Servers


def token() -> str:
    return jwt.encode({"aud": "voicegw", "sub": "alice", "exp": time.time() + 600}, SECRET)


@pytest.mark.parametrize("visit", [["geolocation"]], indirect=True)
def test_a_refused_microphone_is_explained_and_typing_goes_on(visit: Visit, stage: Servers) -> None:
    stage.llm.tokens = ["Hello."]
    visit.page.goto(stage.page)
    visit.page.get_by_role("button", name="Talk").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("The microphone is not allowed")
    visit.page.get_by_label("Message").fill("Hi")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(".reply-text")).to_have_text("Hello.")
    expect(visit.page.get_by_role("alert")).to_be_hidden()


def test_an_insecure_address_is_explained_and_typing_works(visit: Visit, stage: Servers) -> None:
    visit.page.goto(stage.guarded.replace("127.0.0.1", INSECURE_NAME))
    visit.page.get_by_role("button", name="Talk").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("needs a secure address")
    visit.page.get_by_label("Message").fill("Hi")
    visit.page.keyboard.press("Enter")
    visit.page.get_by_label("Access token").fill(token())
    visit.page.get_by_role("button", name="Connect").click()
    expect(visit.page.locator("#state")).to_have_text("Connected")
    expect(visit.page.locator(".said")).to_have_text("Hi")


def test_a_server_that_is_not_ready_says_so(visit: Visit, stage: Servers) -> None:
    visit.page.goto(stage.loading)
    visit.page.get_by_label("Message").fill("Hi")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("alert")).to_contain_text("The server is not ready yet")


def test_a_token_is_asked_for_until_it_is_accepted(visit: Visit, stage: Servers) -> None:
    visit.hears_nothing()
    visit.page.goto(stage.guarded)
    visit.page.get_by_role("button", name="Talk").click()
    alert, field = visit.page.get_by_role("alert"), visit.page.get_by_label("Access token")
    expect(alert).to_contain_text("A token is needed")
    expect(field).to_be_focused()
    field.fill("not a token")
    visit.page.keyboard.press("Enter")
    expect(alert).to_contain_text("not accepted")
    field.fill(token())
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#state")).to_have_text("Connected")
    expect(alert).to_be_hidden()
    stored = "() => [localStorage.length, sessionStorage.length, document.cookie]"
    assert visit.page.evaluate(stored) == [0, 0, ""]
