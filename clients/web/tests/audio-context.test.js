import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { keepRunning } from "../src/audio-context.js";

/** An audio context that the system stops, and that runs again when it is resumed, unless it is held. */
class Context extends EventTarget {
  state = "suspended";
  isHeld = false;

  async resume() {
    if (this.isHeld) throw new Error("interrupted");
    this.change("running");
  }

  change(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("statechange"));
  }
}

let context;
let lost;

beforeEach((test) => {
  test.mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  context = new Context();
  lost = 0;
  keepRunning(context, () => (lost += 1));
});
afterEach(() => {
  context.change("closed");
  delete globalThis.document;
});

test("starts a context, and resumes it when it was stopped", () => {
  assert.equal(context.state, "running");
  ["suspended", "interrupted"].forEach((state) => {
    context.change(state);
    assert.equal(context.state, "running");
  });
});

test("resumes it when the page is shown again, and after a click", () => {
  ["visibilitychange", "click"].forEach((type) => {
    context.isHeld = true;
    context.change("interrupted");
    context.isHeld = false;
    document.dispatchEvent(new Event(type));
    assert.equal(context.state, "running");
  });
});

test("says once that it is lost", (test) => {
  context.isHeld = true;
  context.change("suspended");
  test.mock.timers.tick(2_900);
  assert.equal(lost, 0);
  test.mock.timers.tick(200);
  assert.equal(lost, 1);
  test.mock.timers.tick(60_000);
  assert.equal(lost, 1);
});

test("it is not lost while the system holds it, but when it does not run after that", (test) => {
  context.isHeld = true;
  context.change("suspended");
  context.change("interrupted");
  test.mock.timers.tick(60_000);
  document.dispatchEvent(new Event("click"));
  test.mock.timers.tick(60_000);
  assert.equal(lost, 0);
  context.change("suspended");
  test.mock.timers.tick(3_100);
  assert.equal(lost, 1);
});

test("it is not lost while the page is hidden, nor when it runs again or was closed", (test) => {
  document.hidden = context.isHeld = true;
  context.change("suspended");
  test.mock.timers.tick(60_000);
  document.hidden = context.isHeld = false;
  document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(context.state, "running");
  context.isHeld = true;
  context.change("suspended");
  context.change("closed");
  document.dispatchEvent(new Event("click"));
  test.mock.timers.tick(60_000);
  assert.equal(lost, 0);
});
