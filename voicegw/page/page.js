import { Microphone, VoiceError } from "../client/voicegw.js";
import { ConversationView } from "./conversation-view.js";
import { ProblemView } from "./problems.js";
import { Session } from "./session.js";

const $ = (selector) => document.querySelector(selector);
const STATES = {
  idle: "Not connected",
  connecting: "Connecting …",
  open: "Connected",
  reconnecting: "Connection lost; reconnecting …",
  closed: "Disconnected",
};

const session = new Session();
const microphone = new Microphone();
const view = new ConversationView();
const connect = () => session.client();
let toRepeat = connect; // once a token was entered
let unsent = null; // the message that waits for its session
const problems = new ProblemView(document, (token) => {
  session.setToken(token);
  if (session.state === "open") problems.clear();
  else attempt(toRepeat);
});

/** Does what the user asks for; shows why it fails. */
async function attempt(action) {
  toRepeat = connect;
  problems.clear();
  try {
    await action();
  } catch (error) {
    if (!(error instanceof VoiceError)) throw error;
    toRepeat = action;
    problems.show(error);
  }
}

async function talk() {
  await microphone.open($("#device").value);
  drawTalking();
  listDevices();
  try {
    await session.client(); // meanwhile the session keeps what is said
  } catch (error) {
    stopTalking();
    throw error;
  }
}

async function say(text) {
  if (text === unsent) return; // Enter was pressed twice
  unsent = text;
  try {
    await session.say(text);
  } finally {
    unsent = null;
  }
  if ($("#message").value.trim() === text) $("#message").value = ""; // else the next one is being typed
}

function stopTalking() {
  microphone.close();
  session.commit();
  drawTalking();
}

function drawTalking() {
  $("#talk").setAttribute("aria-pressed", String(microphone.isOpen));
  $("#talk span").textContent = microphone.isOpen ? "Mute" : "Talk";
  $("#talk").setAttribute("aria-label", microphone.isOpen ? "Mute the microphone" : "Talk");
  if (!microphone.isOpen) $("#talk").style.setProperty("--level", 0);
}

async function listDevices() {
  const devices = await Microphone.devices();
  const chosen = $("#device").value;
  const options = devices.map(({ id, label }) => new Option(label || "Microphone", id, false, id === chosen));
  $("#device").replaceChildren(new Option("Default microphone", ""), ...options.filter(({ value }) => value !== "default"));
}

function drawState({ state, error }) {
  $("#state").dataset.state = state;
  $("#state").textContent = STATES[state];
  $("#aloud").disabled = !session.hasVoice;
  if (state === "open") problems.clear();
  if (state !== "closed") return;
  stopTalking();
  if (error) problems.show(error);
}

function drawTurn(turn) {
  view.draw(turn);
  const isReplying = session.conversation.turns.some((one) => one.isReplying);
  $("#stop").hidden = !isReplying;
  $("#send").hidden = isReplying;
}

session.addEventListener("state", ({ detail }) => drawState(detail));
session.addEventListener("turn", ({ detail }) => drawTurn(detail));
session.addEventListener("error", ({ detail }) => problems.show(detail));
microphone.addEventListener("frame", ({ detail: { samples, level } }) => {
  $("#talk").style.setProperty("--level", level.toFixed(2));
  session.sendAudio(samples);
});
microphone.addEventListener("ended", () => {
  stopTalking();
  problems.show({ code: "stopped" });
});

$("#talk").addEventListener("click", () => (microphone.isOpen ? stopTalking() : attempt(talk)));
$("#typed").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("#message").value.trim();
  if (text) attempt(() => say(text));
});
$("#stop").addEventListener("click", () => session.stopReply());
$("#settings-button").addEventListener("click", () => {
  const section = $("#settings");
  section.hidden = !section.hidden;
  $("#settings-button").setAttribute("aria-expanded", String(!section.hidden));
  if (!section.hidden) listDevices();
});
$("#device").addEventListener("change", () => {
  if (!microphone.isOpen) return;
  microphone.close();
  attempt(talk);
});
$("#aloud").addEventListener("change", ({ target }) => session.setAloud(target.checked));
$("#show-latency").addEventListener("change", ({ target }) => {
  document.body.classList.toggle("without-latency", !target.checked);
});
document.addEventListener("keydown", ({ key }) => key === "Escape" && session.stopReply());
addEventListener("pagehide", () => session.close());
