import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Microphone, MicrophoneError, Speaker } from "../src/voicegw.js";

let contexts;
let sent; // to the audio thread
let volumes; // of the speaker, one after the other
let failing; // the method of a context that fails

/** An audio context without sound. */
class Context extends EventTarget {
  state = "running";
  currentTime = 0;
  audioWorklet = { addModule: async () => this.perform("addModule") };

  constructor() {
    super();
    contexts.push(this);
  }

  perform(name) {
    if (name === failing) throw new Error(`${name} failed`);
  }

  async resume() {}

  createMediaStreamSource() {
    this.perform("createMediaStreamSource");
    return new Node();
  }

  close() {
    this.state = "closed";
    this.dispatchEvent(new Event("statechange"));
  }
}

class Node {
  port = { postMessage: (message) => sent.push(message) };

  connect(next) {
    return next;
  }
}

class Gain extends Node {
  constructor(context, { gain }) {
    super();
    volumes.push(gain);
    this.gain = { setTargetAtTime: (volume) => volumes.push(volume) };
  }
}

class Track {
  isStopped = false;

  stop() {
    this.isStopped = true;
  }
}

const tracks = [];
const mediaDevices = {
  async getUserMedia() {
    tracks.push(new Track());
    return { getTracks: () => [tracks.at(-1)] };
  },
};
const BROWSER = {
  AudioContext: Context,
  AudioWorkletNode: Node,
  GainNode: Gain,
  document: new EventTarget(),
  isSecureContext: true,
  navigator: { mediaDevices },
};

beforeEach(() => {
  [contexts, sent, volumes, failing] = [[], [], [], ""];
  Object.entries(BROWSER).forEach(([name, value]) => Object.defineProperty(globalThis, name, { value, configurable: true }));
});
afterEach(() => Object.keys(BROWSER).forEach((name) => delete globalThis[name]));

/** The audio of a reply arrives. */
function receive(client, ...samples) {
  client.dispatchEvent(new CustomEvent("audio", { detail: Int16Array.from(samples) }));
}

function played() {
  return sent.map(({ samples }) => [...samples]);
}

test("a muted speaker is silent at once, and goes on with the reply", async () => {
  const speaker = new Speaker();
  const client = new EventTarget();
  await speaker.open();
  speaker.attach(client);
  receive(client, 1, 2);
  speaker.isMuted = true;
  receive(client, 3, 4);
  speaker.isMuted = false;
  assert.deepEqual(played(), [[1, 2], [3, 4]]);
  assert.deepEqual(volumes, [1, 0, 1]);
  speaker.close();
});

test("a speaker can be muted before it is opened", async () => {
  const speaker = new Speaker();
  speaker.isMuted = true;
  await speaker.open();
  assert.ok(speaker.isMuted);
  assert.deepEqual(volumes, [0]);
  speaker.close();
});

test("a speaker that could not be opened can be opened later", async () => {
  const speaker = new Speaker();
  const client = new EventTarget();
  speaker.attach(client);
  failing = "addModule";
  await assert.rejects(speaker.open(), /addModule failed/);
  await assert.rejects(speaker.open(), /addModule failed/);
  failing = "";
  await speaker.open();
  receive(client, 1, 2);
  assert.deepEqual(played(), [[1, 2]]);
  assert.deepEqual(contexts.map(({ state }) => state), ["closed", "closed", "running"]);
  speaker.close();
});

test("a speaker that is opened twice at once is one", async () => {
  const speaker = new Speaker();
  await Promise.all([speaker.open(), speaker.open()]);
  assert.equal(contexts.length, 1);
  speaker.close();
});

test("a speaker that is closed while it is being opened is released", async () => {
  const speaker = new Speaker();
  const opening = speaker.open();
  speaker.close();
  await opening;
  assert.deepEqual(contexts.map(({ state }) => state), ["closed"]);
  await speaker.open();
  assert.deepEqual(contexts.map(({ state }) => state), ["closed", "running"]);
  speaker.close();
});

test("a speaker that is opened again while it is being opened is open", async () => {
  const speaker = new Speaker();
  const opening = speaker.open();
  speaker.close();
  await Promise.all([opening, speaker.open()]);
  assert.deepEqual(contexts.map(({ state }) => state), ["running"]);
  speaker.close();
});

test("a microphone that could not be opened is released", async () => {
  const microphone = new Microphone();
  for (failing of ["addModule", "createMediaStreamSource"]) {
    await assert.rejects(microphone.open(), MicrophoneError);
    assert.ok(tracks.at(-1).isStopped);
    assert.equal(contexts.at(-1).state, "closed");
    assert.ok(!microphone.isOpen);
  }
});
