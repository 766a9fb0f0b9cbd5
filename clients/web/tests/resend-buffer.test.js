import assert from "node:assert/strict";
import { test } from "node:test";

import { SessionLost } from "../src/errors.js";
import { ResendBuffer } from "../src/resend-buffer.js";

const audio = (length) => new Int16Array(length);
const message = (type) => JSON.stringify({ type });

function filled(...contents) {
  const buffer = new ResendBuffer(1_000);
  contents.forEach((content) => buffer.add(content));
  return buffer;
}

/** What is sent next: texts, and the lengths of audio. */
function pending(buffer) {
  const sent = [];
  for (let next = buffer.next(); next !== undefined; next = buffer.next()) {
    sent.push(typeof next === "string" ? next : next.length);
  }
  return sent;
}

test("each message is sent once", () => {
  const buffer = filled(audio(100), "one");
  assert.deepEqual(pending(buffer), [100, "one"]);
  buffer.add(audio(50));
  assert.deepEqual(pending(buffer), [50]);
});

test("is sent again from a position, a part of a message included", () => {
  const buffer = filled(audio(100), "one", audio(100), "two");
  pending(buffer);
  buffer.rewind(130, 1);
  assert.deepEqual(pending(buffer), [70, "two"]);
});

test("what was acknowledged is not kept", () => {
  const buffer = filled(audio(100), "one", audio(100));
  pending(buffer);
  buffer.acknowledge(100, 1);
  assert.throws(() => buffer.rewind(50, 0), SessionLost);
});

test("an acknowledgement between sends skips nothing", () => {
  const buffer = filled(audio(100), audio(100), audio(100));
  buffer.next();
  buffer.acknowledge(100, 0);
  assert.deepEqual(pending(buffer), [100, 100]);
});

test("a new session begins with what is kept", () => {
  const buffer = filled(audio(100), message("text"), audio(100));
  pending(buffer);
  buffer.acknowledge(100, 0);
  buffer.restart(1_000);
  assert.deepEqual(pending(buffer), [message("text"), 100]);
  buffer.rewind(0, 0);
  assert.deepEqual(pending(buffer), [message("text"), 100]);
});

test("a new session gets no messages about the old one", () => {
  const ofOld = ["ack", "cancel", "played", "refresh"].map(message);
  const buffer = filled(...ofOld, message("text"), message("configure"), message("end"));
  buffer.restart(1_000, [message("configure")]);
  assert.equal(buffer.texts.length, 7, "there was no old one yet");
  buffer.restart(1_000);
  assert.deepEqual(pending(buffer), ["text", "configure", "end"].map(message));
  buffer.acknowledge(0, 3);
  assert.deepEqual(buffer.texts, []);
});

test("a new session ends its audio where the old one did", () => {
  const buffer = filled(audio(100), message("commit"), audio(50));
  buffer.restart(1_000);
  buffer.restart(1_000);
  assert.deepEqual(pending(buffer), [100, message("commit"), 50]);
});

test("a new session gets the settings of the old one first", () => {
  const buffer = filled(message("text"));
  buffer.restart(1_000);
  buffer.restart(1_000, [message("configure")]);
  assert.deepEqual(pending(buffer), ["configure", "text"].map(message));
  buffer.acknowledge(0, 1);
  assert.deepEqual(buffer.texts, [message("text")]);
});

test("a new session gets no more audio than it takes at once, the newest", () => {
  const buffer = filled(audio(100), message("text"), audio(100), audio(100), message("end"));
  buffer.restart(150);
  assert.deepEqual(pending(buffer), [message("text"), 50, 100, message("end")]);
});

test("old audio is dropped", () => {
  const buffer = filled(...Array.from({ length: 30 }, () => audio(100)));
  assert.equal(pending(buffer).length, 10);
});
