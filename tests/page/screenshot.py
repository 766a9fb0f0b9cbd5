"""`scripts/screenshot`: a picture of the page after a spoken conversation.

The microphone plays a sample recording, the bundled model recognises it, and a scripted language model
answers.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from clients.samples import sample_named
from tests.llm_server import Answer
from tests.page.browser import PATIENCE_MS, Visit, chromium
from tests.page.stage import servers

PICTURE = Path(__file__).parent.parent.parent / "clients" / "web" / "screenshot.png"
TOOL: dict[str, object] = {
    "name": "set_timer",
    "description": "Starts a timer.",
    "entry_point": "tests.page.screenshot:set_timer",
    "parameters": {"type": "object", "properties": {"minutes": {"type": "integer"}}},
}
REPLIES = {
    "what time": "It is half past ten.",
    "timer": "Your timer is running.",
    "seven": "Fifty-six.",
    "mother": "I will remind you at nine.",
    "weather": "Cloudy, with rain in the evening.",
    "thank": "You are welcome.",
}
TURNS = 4


def set_timer(minutes: int) -> str:
    """The tool that the scripted model calls."""
    return f"running for {minutes} minutes"


def answer(body: dict[str, Any]) -> Answer:
    """What the scripted model says to the last message."""
    last = body["messages"][-1]
    if last["role"] == "user" and "timer" in last["content"]:
        return Answer(tool_calls=[("set_timer", '{"minutes": 10}')], first_token_delay_s=0.15)
    said = next(message["content"] for message in reversed(body["messages"]) if message["role"] == "user")
    text = next((reply for word, reply in REPLIES.items() if word in said.lower()), "All right.")
    return Answer([f"{word} " for word in text.split()], first_token_delay_s=0.35, token_delay_s=0.05)


def converse(visit: Visit, url: str, turns: int) -> Page:
    """The page when it has talked for so many turns."""
    page = visit.page
    visit.hears(sample_named("conversation.wav").path)
    page.goto(url)
    page.get_by_role("button", name="Talk").click()
    expect(page.locator(".latency")).to_have_count(turns, timeout=2 * PATIENCE_MS)
    return page


def picture(browser: Browser, look: dict[str, Any], microphone: Path, url: str, turns: int) -> bytes:
    """A picture of a conversation, as PNG. look: the options of the browser's context."""
    context = browser.new_context(permissions=["microphone"], device_scale_factor=1.5, **look)
    shot = converse(Visit(context.new_page(), microphone), url, turns).screenshot()
    context.close()
    return shot


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="scripts/screenshot", description=__doc__)
    parser.add_argument("--path", type=Path, default=PICTURE, help="where to write (default: %(default)s)")
    parser.add_argument("--dark", action="store_true", help="in the dark colours")
    parser.add_argument(
        "--width", type=int, default=760, help="of the page, in pixels (default: %(default)s)"
    )
    parser.add_argument("--height", type=int, default=900, help="(default: %(default)s)")
    options = parser.parse_args()
    size = {"width": options.width, "height": options.height}
    look = {"viewport": size, "color_scheme": "dark" if options.dark else "light"}
    with tempfile.TemporaryDirectory() as directory:
        microphone = Path(directory) / "microphone.wav"
        with servers(Path(directory), TOOL) as stage, chromium(microphone) as browser:
            stage.llm.script = answer
            options.path.write_bytes(picture(browser, look, microphone, stage.page, TURNS))


if __name__ == "__main__":
    main()
