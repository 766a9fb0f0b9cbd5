import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { HealthCheck } from "../src/health-check.js";

let health;
let lost;
let now;

beforeEach((test) => {
  test.mock.timers.enable({ apis: ["setInterval"] });
  now = 0;
  test.mock.method(performance, "now", () => now);
  lost = false;
  health = new HealthCheck(() => (lost = true));
  health.start();
});
afterEach(() => health.stop());

/** So much time passes. audio: it is sent meanwhile. */
function pass(test, ms, { audio = false } = {}) {
  for (const end = now + ms; now < end; test.mock.timers.tick(20)) {
    now += 20;
    if (audio) health.sendAudio();
  }
}

function open() {
  health.receive();
  health.open();
}

test("a session has to begin in time", (test) => {
  pass(test, 9_900);
  assert.ok(!lost);
  pass(test, 1_000);
  assert.ok(lost);
});

test("an idle session may be silent, and its server has the time to answer what follows", (test) => {
  open();
  pass(test, 60_000);
  pass(test, 2_900, { audio: true });
  assert.ok(!lost);
  health.receive();
  pass(test, 60_000);
  health.sendText();
  pass(test, 7_900);
  assert.ok(!lost);
});

test("audio has to be answered while it is sent", (test) => {
  open();
  pass(test, 900, { audio: true });
  pass(test, 60_000);
  assert.ok(!lost);
  pass(test, 3_600, { audio: true });
  assert.ok(lost);
});

test("typed messages have to be answered, each within the same time", (test) => {
  open();
  pass(test, 1_000);
  health.sendText();
  pass(test, 2_000);
  health.sendText();
  health.receive();
  pass(test, 60_000);
  assert.ok(!lost);
  health.sendText();
  pass(test, 6_000);
  health.sendText();
  pass(test, 2_600);
  assert.ok(lost);
});
