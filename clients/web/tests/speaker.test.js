import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Speaker } from "../src/voicegw.js";

let sent; // to the audio thread

class Context extends EventTarget {
  state = "running";
  audioWorklet = { addModule: async () => {} };

  async resume() {}

  close() {
    this.state = "closed";
    this.dispatchEvent(new Event("statechange"));
  }
}

class Node {
  port = { postMessage: (message) => sent.push(message) };

  connect() {}
}

beforeEach(() => {
  sent = [];
  Object.assign(globalThis, { AudioContext: Context, AudioWorkletNode: Node, document: new EventTarget() });
});
afterEach(() => ["AudioContext", "AudioWorkletNode", "document"].forEach((name) => delete globalThis[name]));

/** The audio of a reply arrives. */
function receive(client, ...samples) {
  client.dispatchEvent(new CustomEvent("audio", { detail: Int16Array.from(samples) }));
}

test("a muted speaker plays silence that is as long as the reply", async () => {
  const speaker = new Speaker();
  const client = new EventTarget();
  await speaker.open();
  speaker.attach(client);
  receive(client, 1, 2);
  speaker.isMuted = true;
  receive(client, 3, 4);
  assert.deepEqual(sent.map(({ samples }) => [...samples]), [[1, 2], [0, 0]]);
  speaker.close();
});
