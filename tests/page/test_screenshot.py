"""The picture of the page for the documentation."""

from pathlib import Path

from playwright.sync_api import Browser

from tests.llm_server import Answer
from tests.page.screenshot import PICTURE, answer, picture
from tests.page.stage import Servers

PNG = b"\x89PNG"
MAX_BYTES = 200_000


def size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def test_a_conversation_is_held_and_pictured(stage: Servers, browser: Browser, microphone: Path) -> None:
    usual, stage.llm.script = stage.llm.script, answer
    look = {"viewport": {"width": 400, "height": 300}, "color_scheme": "dark"}
    try:
        shot = picture(browser, look, microphone, stage.page, turns=1)
    finally:
        stage.llm.script = usual
    assert size(shot) == (600, 450)


def test_the_picture_of_the_readme_is_small() -> None:
    shown = PICTURE.read_bytes()
    assert shown.startswith(PNG)
    assert len(shown) <= MAX_BYTES


def test_the_scripted_model_calls_its_tool_once() -> None:
    asked = {"messages": [{"role": "user", "content": "Set a timer for ten minutes."}]}
    assert answer(asked).tool_calls
    asked["messages"] += [{"role": "tool", "content": "running"}]
    assert answer(asked) == Answer(
        ["Your ", "timer ", "is ", "running. "], first_token_delay_s=0.35, token_delay_s=0.05
    )
