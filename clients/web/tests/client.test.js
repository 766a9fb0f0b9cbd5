import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";

import { Refused, SessionLost, Unreachable, VoiceClient } from "../src/voicegw.js";
import { scriptedServer } from "./scripted-server.js";

const READY = {
  ...{ type: "ready", seq: 1, session: "s", epoch: 1, resumed: false, next_sample: 0, next_message: 0 },
  limits: { max_message_bytes: 65_536, max_burst_ms: 5_000, idle_timeout_ms: 300_000, max_session_ms: 14_400_000 },
};
const PARTIAL = { type: "partial", turn: 1, stable: "Good", tentative: "morning", audio_ms: 500 };

let server;
let client;

beforeEach(async () => {
  server = await scriptedServer();
});
afterEach(async () => {
  client?.close();
  await server.close();
});

/** An open session: the client and the peer that it is connected to. */
async function opened(options = {}) {
  client = new VoiceClient({ url: server.url, ...options });
  const connected = client.connect();
  const peer = await server.peer();
  peer.send(READY);
  await connected;
  return { client, peer };
}

function messages(from) {
  const seen = [];
  from.addEventListener("message", ({ detail }) => seen.push(detail));
  return seen;
}

test("opens a session with its parameters and its token", async () => {
  const { peer } = await opened({ rate: 24_000, reply: "audio", language: "de", token: () => "t0ken" });
  assert.deepEqual(Object.fromEntries(peer.query), { rate: "24000", reply: "audio", lang: "de" });
  assert.deepEqual(peer.protocols, ["voicegw.v1", "bearer.t0ken"]);
  assert.equal(client.state, "open");
});

test("sends audio and requests in order", async () => {
  const { peer } = await opened();
  client.sendAudio(new Int16Array(320));
  client.say("Hello");
  client.configure({ reply: "text" });
  client.played(120, 3);
  await peer.until((received) => received.length === 4);
  assert.deepEqual(peer.received, [
    640,
    { type: "text", text: "Hello" },
    { type: "configure", reply: "text" },
    { type: "played", audio_ms: 120, turn: 3 },
  ]);
});

test("hands on messages and audio", async () => {
  const { peer } = await opened();
  const seen = messages(client);
  peer.send({ ...PARTIAL, seq: 2 });
  peer.sendAudio(Int16Array.of(1, -2, 3));
  const [{ detail }] = await once(client, "audio");
  assert.deepEqual([...detail], [1, -2, 3]);
  assert.deepEqual(seen, [{ ...PARTIAL, seq: 2 }]);
});

test("a cut connection resumes, and what was not acknowledged is sent again", async () => {
  const { peer } = await opened({ reply: "audio" });
  const seen = messages(client);
  client.sendAudio(new Int16Array(320));
  client.sendAudio(new Int16Array(320));
  client.say("one");
  await peer.until((received) => received.length === 3);
  peer.send({ type: "ack", seq: 2, samples: 320, messages: 0 }, { ...PARTIAL, seq: 3 });
  await once(client, "message");
  peer.cut();
  const second = await server.peer();
  assert.equal(client.state, "reconnecting");
  client.sendAudio(new Int16Array(160)); // meanwhile
  const { session, epoch, last_seq, reply } = Object.fromEntries(second.query);
  assert.deepEqual({ session, epoch, last_seq, reply }, { session: "s", epoch: "1", last_seq: "3", reply: "audio" });
  second.send({ ...PARTIAL, seq: 3 }, { ...PARTIAL, seq: 4 });
  second.send({ ...READY, seq: 5, epoch: 2, resumed: true, next_sample: 400, next_message: 0 });
  await second.until((received) => received.length === 3);
  assert.deepEqual(second.received, [480, { type: "text", text: "one" }, 320]);
  assert.deepEqual(seen.map((message) => message.seq), [2, 3, 4, 5]);
});

test("a session that is gone begins anew with what was kept", async () => {
  const { peer } = await opened();
  client.sendAudio(new Int16Array(320));
  await peer.until((received) => received.length === 1);
  peer.cut();
  const second = await server.peer();
  second.send({ ...READY, session: "other" });
  await second.until((received) => received.length === 1);
  assert.deepEqual(second.received, [640]);
  assert.equal(client.ready.session, "other");
});

test("a session that is gone begins anew with the reply mode and the language that were set", async () => {
  const { peer } = await opened({ reply: "audio", language: "en" });
  client.configure({ reply: "audio", voice: "anna" });
  client.configure({ reply: false });
  client.configure({ language: "de" });
  peer.send({ type: "ack", seq: 2, samples: 0, messages: 3 });
  await once(client, "message");
  client.say("one");
  peer.cut();
  const second = await server.peer();
  assert.deepEqual([second.query.get("reply"), second.query.get("lang")], ["none", "en"], "so there is no greeting");
  second.send({ ...READY, session: "other" });
  await second.until((received) => received.length === 3);
  const settings = [{ reply: false }, { language: "de" }].map((setting) => ({ type: "configure", ...setting }));
  assert.deepEqual(second.received, [...settings, { type: "text", text: "one" }]);
});

test("a reply mode that the server has refused does not end a session that is resumed", async () => {
  const { peer } = await opened({ reply: "text" });
  client.configure({ reply: "audio" });
  await peer.until((received) => received.length === 1);
  const error = { code: "unsupported_reply", message: "this server has no voice", retryable: false };
  server.refusal = { status: 400, error };
  server.refuses = (query) => query.get("reply") === "audio";
  peer.cut();
  const second = await server.peer();
  assert.deepEqual([second.query.get("reply"), second.query.get("session")], ["text", "s"]);
  second.send({ ...READY, seq: 2, epoch: 2, resumed: true, next_message: 1 });
  await once(client, "message");
  assert.equal(client.state, "open");
});

test("a setting that the server may not accept is no parameter of a reconnect", async () => {
  const { peer } = await opened({ reply: "audio", language: "en" });
  client.configure({ reply: "loud", language: "xx" });
  await peer.until((received) => received.length === 1);
  peer.cut();
  const second = await server.peer();
  assert.deepEqual([second.query.get("reply"), second.query.get("lang")], ["audio", "en"]);
  second.send({ ...READY, seq: 2, epoch: 2, resumed: true, next_message: 1 });
  await once(client, "message");
  client.say("one");
  await second.until((received) => received.length === 1);
  assert.deepEqual(second.received, [{ type: "text", text: "one" }], "the session has kept its settings");
});

test("counts the typed messages that a new session gets again", async () => {
  const { peer } = await opened();
  ["one", "two"].forEach((text) => client.say(text));
  client.commit();
  assert.equal(client.unacknowledgedTexts, 2);
  peer.send({ type: "ack", seq: 2, samples: 0, messages: 1 });
  await once(client, "message");
  assert.equal(client.unacknowledgedTexts, 1);
  peer.cut();
  const second = await server.peer();
  second.send({ ...READY, session: "other" });
  await once(client, "message");
  assert.equal(client.unacknowledgedTexts, 1);
  await second.until((received) => received.length === 2);
  assert.deepEqual(second.received, [{ type: "text", text: "two" }, { type: "commit" }]);
});

test("acknowledges what it has seen", async () => {
  const { peer } = await opened();
  for (let seq = 2; seq <= 40; seq += 1) peer.send({ ...PARTIAL, seq });
  await peer.until((received) => received.length > 0);
  assert.deepEqual(peer.received, [{ type: "ack", seq: 32 }]);
});

test("sends a new token when the old one expires", async () => {
  let number = 0;
  const { peer } = await opened({ token: () => `token${(number += 1)}` });
  peer.send({ type: "ending", seq: 2, code: "token_expired", in_ms: 60_000 });
  await peer.until((received) => received.length > 0);
  client.refresh("entered");
  await peer.until((received) => received.length > 1);
  assert.deepEqual(peer.received, ["token2", "entered"].map((token) => ({ type: "refresh", token })));
});

test("a reconnect uses the newest token", async () => {
  const { peer } = await opened({ token: "old" });
  client.refresh("new");
  await peer.until((received) => received.length > 0);
  peer.cut();
  const second = await server.peer();
  assert.deepEqual([peer, second].map(({ protocols }) => protocols[1]), ["bearer.old", "bearer.new"]);
});

test("a refusal has the server's reason", async () => {
  const error = { code: "token_missing", message: "a token, please", retryable: false, retry_after_ms: null };
  server.refusal = { status: 401, error };
  client = new VoiceClient({ url: server.url });
  await assert.rejects(client.connect(), (refused) => refused instanceof Refused && refused.code === "token_missing");
  assert.equal(client.state, "closed");
});

test("a refusal while it reconnects ends the session", async () => {
  const { peer } = await opened();
  const error = { code: "origin_refused", message: "not from here", retryable: false, retry_after_ms: null };
  server.refusal = { status: 403, error };
  peer.cut();
  await once(client, "state"); // reconnecting
  const [{ detail }] = await once(client, "state");
  assert.deepEqual([detail.state, detail.error.code], ["closed", "origin_refused"]);
});

/** The delays that are waited for, in ms; the random part is the longest that is possible. Long ones take no time. */
function delays(context) {
  context.mock.method(Math, "random", () => 1);
  const start = setTimeout;
  const { mock } = context.mock.method(globalThis, "setTimeout", (fire, ms) => start(fire, ms > 20_000 ? 0 : ms));
  const OPEN_MS = 10_000;
  return () => mock.calls.map((call) => call.arguments[1]).filter((ms) => ms !== OPEN_MS);
}

test("delays grow until a session is open", async (context) => {
  const { peer } = await opened();
  const waited = delays(context);
  peer.cut();
  for (let attempt = 1; attempt <= 2; attempt += 1) (await server.peer()).close(1013);
  const last = await server.peer();
  assert.deepEqual(waited(), [200, 400, 800]);
  last.send({ ...READY, seq: 2, epoch: 2, resumed: true });
  await once(client, "message");
  last.cut();
  await server.peer();
  assert.deepEqual(waited(), [200, 400, 800, 200]);
});

test("waits as long as the server said, once", async (context) => {
  const { peer } = await opened();
  const waited = delays(context);
  peer.send({ type: "going_away", seq: 2, retry_after_ms: 300 });
  await once(client, "message");
  peer.close(1012);
  const second = await server.peer();
  second.send({ ...READY, seq: 3, epoch: 2, resumed: true });
  await once(client, "message");
  second.cut();
  await server.peer();
  assert.deepEqual(waited(), [500, 200]);
});

test("waits a minute at most, whatever the server said", async (context) => {
  const { peer } = await opened();
  const waited = delays(context);
  peer.send({ type: "going_away", seq: 2, retry_after_ms: 1e12 });
  await once(client, "message");
  peer.close(1012);
  await server.peer();
  assert.deepEqual(waited(), [60_200]);
});

test("nobody answers", async () => {
  const { url } = server;
  await server.close();
  client = new VoiceClient({ url });
  await assert.rejects(client.connect(), Unreachable);
});

test("a server without an upgrade is told apart from none", async () => {
  server.refusal = { status: 426, error: {} };
  client = new VoiceClient({ url: server.url });
  await assert.rejects(client.connect(), /opens no WebSocket/);
});

test("an error that ends the session is its reason", async () => {
  const { peer } = await opened();
  peer.send({ type: "error", seq: 2, code: "idle_timeout", message: "no message for 5 min", retryable: false });
  peer.close(1008);
  const [{ detail }] = await once(client, "state");
  assert.deepEqual([detail.state, detail.error.code], ["closed", "idle_timeout"]);
});

test("without an error a final close is a lost session, and after `end` it is none", async () => {
  const first = await opened();
  first.peer.close(4001);
  const [lost] = await once(client, "state");
  assert.ok(lost.detail.error instanceof SessionLost);
  const second = await opened();
  client.end();
  await second.peer.until((received) => received.length === 1);
  second.peer.close(1000);
  const [ended] = await once(client, "state");
  assert.deepEqual(ended.detail, { state: "closed", error: null });
});

test("closing hangs up", async () => {
  const { peer } = await opened();
  client.close();
  await peer.until((received) => received.length > 0);
  assert.deepEqual(peer.received, [{ type: "closed", code: 1000 }]);
});

/** The clock runs so many times faster. */
function hasten(context, factor) {
  const begin = performance.now();
  const real = performance.now.bind(performance);
  context.mock.method(performance, "now", () => begin + factor * (real() - begin));
}

test("a server that stays silent while audio is sent is left", async (context) => {
  const { peer } = await opened();
  hasten(context, 10);
  const speaking = setInterval(() => client.sendAudio(new Int16Array(320)), 20);
  const second = await server.peer();
  clearInterval(speaking);
  assert.ok(peer.received.some((received) => received === 640));
  assert.equal(second.query.get("session"), "s");
});

test("a server that does not answer a typed message is left, each time that it is sent", async (context) => {
  hasten(context, 10);
  client = new VoiceClient({ url: server.url });
  const connected = client.connect();
  client.say("one");
  const first = await server.peer();
  first.send(READY);
  await connected;
  const second = await server.peer();
  second.send({ ...READY, seq: 2, epoch: 2, resumed: true });
  const third = await server.peer();
  third.send({ ...READY, seq: 3, epoch: 3, resumed: true });
  await third.until((received) => received.length > 0);
  [first, second, third].forEach(({ received }) => assert.deepEqual(received[0], { type: "text", text: "one" }));
});
