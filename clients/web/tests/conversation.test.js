import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation, latencySteps } from "../src/voicegw.js";

const ready = { type: "ready", resumed: false };

function received(...messages) {
  const conversation = new Conversation();
  [ready, ...messages].forEach((message) => conversation.receive(message));
  return conversation;
}

test("an utterance and its reply become a turn", () => {
  const conversation = received(
    { type: "speech_started", turn: 1 },
    { type: "partial", turn: 1, stable: "What time", tentative: "is" },
  );
  const [turn] = conversation.turns;
  assert.ok(conversation.isSpeaking);
  assert.deepEqual([turn.stable, turn.separator, turn.tentative, turn.isFinal], ["What time", " ", "is", false]);
  conversation.receive({ type: "speech_stopped", turn: 1 });
  conversation.receive({ type: "final", turn: 1, text: "What time is it?" });
  conversation.receive({ type: "reply_started", turn: 1 });
  conversation.receive({ type: "reply_delta", turn: 1, text: "It is " });
  conversation.receive({ type: "reply_delta", turn: 1, text: "noon." });
  assert.deepEqual([turn.text, turn.reply, turn.isReplying, conversation.isSpeaking], ["What time is it?", "It is noon.", true, false]);
  conversation.receive({ type: "reply_done", turn: 1, text: "It is", reason: "interrupted" });
  assert.deepEqual([turn.reply, turn.reason, turn.isReplying], ["It is", "interrupted", false]);
  assert.equal(conversation.turns.length, 1);
});

test("text of languages without blanks is joined", () => {
  const [turn] = received({ type: "partial", turn: 1, stable: "你", tentative: "好", joined: true }).turns;
  assert.equal(turn.separator, "");
});

test("typed messages get the replies in their order", () => {
  const conversation = received({ type: "partial", turn: 1, stable: "", tentative: "um" });
  const typed = [conversation.type("first"), conversation.type("second")];
  conversation.receive({ type: "partial", turn: 1, stable: "", tentative: "um well" });
  conversation.receive({ type: "reply_done", turn: 2, text: "", reason: "interrupted" });
  conversation.receive({ type: "reply_started", turn: 3 });
  conversation.receive({ type: "reply_done", turn: 3, text: "Yes.", reason: "completed" });
  assert.deepEqual(typed.map((turn) => [turn.text, turn.reply]), [["first", ""], ["second", "Yes."]]);
  assert.equal(conversation.turns.length, 3);
});

test("a new session's numbers begin again", () => {
  const conversation = received({ type: "final", turn: 1, text: "one" }, ready, { type: "final", turn: 1, text: "two" });
  assert.deepEqual(conversation.turns.map((turn) => turn.text), ["one", "two"]);
});

test("a lost session fails what is open in it", () => {
  const conversation = received(
    { type: "speech_started", turn: 1 },
    { type: "final", turn: 1, text: "What time is it?" },
    { type: "reply_started", turn: 1 },
    { type: "tool_call", turn: 1, id: "c1", name: "clock", arguments: "{}" },
    { type: "final", turn: 2, text: "Stop." },
    { type: "reply_done", turn: 2, text: "", reason: "cancelled" },
    { type: "speech_started", turn: 3 },
  );
  const [replying, ended, speaking] = conversation.turns;
  assert.deepEqual(conversation.receive(ready), [replying, speaking]);
  assert.deepEqual([replying.isReplying, replying.reason, replying.tools[0].ok], [false, "failed", false]);
  assert.deepEqual([speaking.reason, conversation.isSpeaking], ["failed", false]);
  assert.equal(ended.reason, "cancelled");
  assert.deepEqual(conversation.lose(), []);
});

test("a typed message of a lost session takes no reply of the next one", () => {
  const conversation = received();
  const typed = ["first", "second"].map((text) => conversation.type(text));
  assert.deepEqual(conversation.lose(), typed);
  conversation.receive(ready);
  const third = conversation.type("third");
  conversation.receive({ type: "reply_started", turn: 1 });
  assert.deepEqual([third, ...typed].map((turn) => turn.isReplying), [true, false, false]);
  assert.deepEqual(typed.map((turn) => turn.reason), ["failed", "failed"]);
});

test("typed messages that are sent again get the replies of the new session", () => {
  const conversation = received();
  const [first, second, third] = ["first", "second", "third"].map((text) => conversation.type(text));
  conversation.receive({ type: "reply_started", turn: 1 });
  conversation.receive({ type: "reply_done", turn: 1, text: "One.", reason: "completed" });
  conversation.receive({ type: "reply_started", turn: 2 });
  conversation.receive({ type: "reply_delta", turn: 2, text: "Tw" });
  conversation.receive({ ...ready, resumed: true }, 3);
  assert.equal(second.reply, "Tw");
  const again = conversation.receive(ready, 3);
  assert.deepEqual(again.map(({ text, reply, reason }) => [text, reply, reason]), [
    ["first", "", null],
    ["second", "", null],
    ["third", "", null],
  ]);
  for (const turn of [1, 2, 3]) conversation.receive({ type: "reply_done", turn, text: `${turn}`, reason: "completed" });
  assert.deepEqual([first, ...again].map((turn) => turn.reply), ["One.", "1", "2", "3"]);
  assert.deepEqual(again.slice(1), [second, third]);
});

test("a greeting takes no typed message", () => {
  const conversation = new Conversation();
  const typed = conversation.type("hello");
  conversation.receive({ type: "reply_started", turn: 1, greeting: true });
  conversation.receive({ type: "reply_delta", turn: 1, text: "Welcome." });
  conversation.receive({ type: "reply_delta", turn: 2, text: "Hi." });
  assert.deepEqual(conversation.turns.map((turn) => [turn.text, turn.reply]), [["hello", "Hi."], ["", "Welcome."]]);
  assert.equal(conversation.turns[0], typed);
});

test("what concerns no turn takes no typed message", () => {
  const conversation = received();
  const typed = conversation.type("Hello");
  conversation.receive({ type: "moderated", turn: 0, what: "input", categories: ["violence"] });
  conversation.receive({ type: "reply_started", turn: 1 });
  assert.deepEqual([typed.isReplying, typed.notices], [true, []]);
});

test("tool calls show their progress and their result", () => {
  const call = { type: "tool_call", turn: 1, id: "c1", name: "weather", arguments: '{"city": "Bern"}' };
  const conversation = received(call, { type: "tool_progress", turn: 1, id: "c1", content: "asking" });
  const [tool] = conversation.turns[0].tools;
  assert.deepEqual([tool.name, tool.content, tool.ok], ["weather", "asking", null]);
  conversation.receive({ type: "tool_result", turn: 1, id: "c1", content: "timeout", ok: false });
  assert.deepEqual([tool.content, tool.ok], ["timeout", false]);
});

test("the latency is divided into steps", () => {
  const spoken = { endpoint_ms: 400, queue_ms: 1, decode_ms: 90, final_ms: 410, first_token_ms: 650, first_audio_ms: 700 };
  assert.deepEqual(latencySteps(spoken), [
    { name: "endpoint", ms: 400 },
    { name: "recognition", ms: 10 },
    { name: "model", ms: 240 },
    { name: "voice", ms: 50 },
  ]);
  assert.deepEqual(latencySteps({ asked_ms: 0, first_token_ms: 120, done_ms: 300 }), [{ name: "model", ms: 120 }]);
});
