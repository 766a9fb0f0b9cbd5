"""What the page does when its sound input and output are interrupted."""

from playwright.sync_api import expect

from tests.page.browser import Visit
from tests.page.scripted_stream import ScriptedStream
from tests.page.stage import Servers

# keeps the audio contexts of the page
RECORD = """
window.contexts = [];
window.AudioContext = class extends AudioContext {
  constructor(options) {
    super(options);
    window.contexts.push(this);
  }
};
"""
INTERRUPT = "() => Promise.all(contexts.map((context) => context.suspend()))"
# as of a system that does not give the sound devices back
KEEP = """() => contexts.forEach((context) => {
  context.resume = () => Promise.reject(new Error("interrupted"));
})"""
# the first worklet cannot be loaded
FAIL_ONCE = """
const { addModule } = AudioWorklet.prototype;
AudioWorklet.prototype.addModule = async () => {
  AudioWorklet.prototype.addModule = addModule;
  throw new DOMException("Unable to load a worklet's module.", "AbortError");
};
"""
RUN = "() => contexts.length === 2 && contexts.every(({ state }) => state === 'running')"


def talking(visit: Visit, stage: Servers) -> ScriptedStream:
    """A session to which the microphone sends."""
    visit.hears_nothing()
    visit.page.add_init_script(RECORD)
    stream = ScriptedStream(visit.page)
    visit.page.goto(stage.page)
    visit.page.get_by_role("button", name="Talk").click()
    stream.begin_session()
    stream.until(lambda: bool(stream.audio))
    visit.page.wait_for_function(RUN)
    return stream


def test_sound_goes_on_after_an_interruption(visit: Visit, stage: Servers) -> None:
    stream = talking(visit, stage)
    visit.page.evaluate(INTERRUPT)
    visit.page.wait_for_function(RUN)
    before = len(stream.audio)
    stream.until(lambda: len(stream.audio) > before)
    expect(visit.page.locator("#talk")).to_have_attribute("aria-pressed", "true")


def test_a_microphone_that_does_not_go_on_is_closed(visit: Visit, stage: Servers) -> None:
    talking(visit, stage)
    visit.page.evaluate(KEEP)
    visit.page.evaluate(INTERRUPT)
    expect(visit.page.get_by_role("alert")).to_contain_text("The microphone has stopped")
    expect(visit.page.locator("#talk")).to_have_attribute("aria-pressed", "false")
    visit.page.get_by_role("button", name="Talk").click()
    expect(visit.page.locator("#talk")).to_have_attribute("aria-pressed", "true")
    expect(visit.page.get_by_role("alert")).to_be_hidden()


def test_a_session_after_one_without_sound_output_is_spoken_again(visit: Visit, stage: Servers) -> None:
    visit.page.add_init_script(FAIL_ONCE)
    stream = ScriptedStream(visit.page)
    visit.page.goto(stage.page)
    for session in (1, 2):
        visit.page.get_by_label("Message").fill("Hello")
        visit.page.keyboard.press("Enter")
        stream.begin_session(session)
        stream.until(lambda: len(stream.texts) == len(stream.sockets))
        stream.sockets[-1].close(code=4001)
        expect(visit.page.locator("#state")).to_have_text("Disconnected")
    assert ["reply=audio" in socket.url for socket in stream.sockets] == [False, True]
