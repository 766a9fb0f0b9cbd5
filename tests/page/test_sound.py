"""What the page does when its sound input and output are interrupted, and when replies shall be silent."""

import numpy as np
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
# measures what is played
LISTEN = """
const { connect } = AudioNode.prototype;
AudioNode.prototype.connect = function (next, ...others) {
  if (next instanceof AudioDestinationNode) {
    window.analyser = new AnalyserNode(next.context);
    connect.call(this, window.analyser);
  }
  return connect.call(this, next, ...others);
};
window.peak = () => {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  return Math.max(...samples.map(Math.abs));
};
"""
RATE = 16_000
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


def test_a_reply_becomes_silent_at_once_and_goes_on(visit: Visit, stage: Servers) -> None:
    visit.page.add_init_script(LISTEN)
    stream = ScriptedStream(visit.page)
    visit.page.goto(stage.page)
    visit.page.get_by_role("button", name="Settings").click()
    visit.page.get_by_label("Message").fill("Sing")
    visit.page.keyboard.press("Enter")
    stream.begin_session()
    stream.until(lambda: bool(stream.texts))
    stream.send({"type": "reply_started", "turn": 1})
    stream.sockets[-1].send(np.full(30 * RATE, 10_000, np.int16).tobytes())
    visit.page.wait_for_function("() => peak() > 0.2")
    visit.page.get_by_label("Speak replies aloud").uncheck()
    visit.page.wait_for_function("() => peak() < 0.001")
    heard_ms = stream.of("played")[-1]["audio_ms"]
    assert heard_ms < 25_000, "it was not over"
    stream.until(lambda: stream.of("played")[-1]["audio_ms"] > heard_ms)
    visit.page.get_by_label("Speak replies aloud").check()
    visit.page.wait_for_function("() => peak() > 0.2")
