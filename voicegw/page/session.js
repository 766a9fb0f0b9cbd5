import { Conversation, Refused, Speaker, VoiceClient } from "../client/voicegw.js";

const RATE = 16_000;
const EARLY_FRAMES = 200; // 4 s of what is said while the session is being opened: the server takes 5 s at once
const NO_VOICE = new Set(["unsupported_reply", "scope_missing"]);

/**
 * One session after the other with the server of this page. Events: `turn` (detail: a turn that has changed),
 * `state` and `error` (details: as of the client, or an error message of the server).
 */
export class Session extends EventTarget {
  conversation = new Conversation();
  isAloud = true;
  hasVoice = true; // of this session
  #mayHaveVoice = globalThis.isSecureContext; // elsewhere there are no audio worklets; false once the server refuses
  #token = null; // in memory only
  #client = null;
  #opening = null;
  #speaker = null;
  #early = [];

  get state() {
    return this.#client?.state ?? "idle";
  }

  /** The open client; opens a session where there is none. Throws the errors of `VoiceClient.connect`. */
  async client() {
    if (this.#opening) return this.#opening;
    if (this.#client && this.#client.state !== "closed") {
      this.#openSpeaker(); // it may have been interrupted
      return this.#client;
    }
    this.#opening = this.#open();
    try {
      const client = await this.#opening;
      this.#early.forEach((samples) => client.sendAudio(samples));
      return client;
    } finally {
      this.#opening = null;
      this.#early = [];
    }
  }

  async #open() {
    this.hasVoice = this.#mayHaveVoice;
    await this.#openSpeaker();
    if (!this.isAloud || !this.hasVoice) return this.#connect("text");
    try {
      return await this.#connect("audio");
    } catch (error) {
      if (!isAboutVoice(error)) throw error;
      this.hasVoice = this.#mayHaveVoice = false;
      return this.#connect("text");
    }
  }

  async #connect(reply) {
    const client = new VoiceClient({ url: streamUrl(), rate: RATE, reply, token: () => this.#token });
    this.#client = client;
    client.addEventListener("message", ({ detail }) => this.#receive(detail, client.unacknowledgedTexts));
    client.addEventListener("state", ({ detail }) => {
      const isTriedAgain = reply === "audio" && !client.ready && isAboutVoice(detail.error);
      if (client === this.#client && !isTriedAgain) this.#changeState(detail);
    });
    this.#speaker?.attach(client);
    await client.connect();
    return client;
  }

  async #openSpeaker() {
    if (!this.hasVoice) return;
    this.#speaker ??= new Speaker({ rate: RATE });
    this.#speaker.isMuted = !this.isAloud;
    try {
      await this.#speaker.open();
    } catch {
      this.hasVoice = false; // there is no sound output now; replies are text
    }
  }

  #changeState(detail) {
    if (detail.state === "closed") this.#emitTurns(this.conversation.lose());
    this.#emit("state", detail);
  }

  #receive(message, resent) {
    this.#emitTurns(this.conversation.receive(message, resent));
    if (message.type === "error") this.#emit("error", message);
  }

  /** Sends audio to the open session; what is said while it is being opened follows then. */
  sendAudio(samples) {
    if (!this.#opening) return this.#client?.sendAudio(samples);
    this.#early.push(samples);
    if (this.#early.length > EARLY_FRAMES) this.#early.shift();
  }

  /** The token of the open session and of the next ones. */
  setToken(token) {
    this.#token = token;
    if (this.state === "open") this.#client.refresh(token);
  }

  /** Speaks replies aloud from now on, or no longer. */
  setAloud(isAloud) {
    this.isAloud = isAloud;
    if (this.#speaker) this.#speaker.isMuted = !isAloud; // the running reply, too
    if (this.hasVoice) this.#client?.configure({ reply: isAloud ? "audio" : "text" });
  }

  async say(text) {
    const client = await this.client();
    this.#emit("turn", this.conversation.type(text));
    client.say(text);
  }

  /** Ends the running utterance, when no more audio will come. */
  commit() {
    if (this.conversation.isSpeaking) this.#client?.commit();
  }

  /** Stops the running reply. */
  stopReply() {
    this.#client?.cancel();
  }

  close() {
    this.#client?.close();
  }

  #emitTurns(turns) {
    turns.forEach((turn) => this.#emit("turn", turn));
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Whether the server refuses spoken replies only. */
function isAboutVoice(error) {
  return error instanceof Refused && NO_VOICE.has(error.code);
}

/** The stream beside this page, below the same prefix. */
function streamUrl() {
  return new URL("v1/stream", document.baseURI).href.replace(/^http/, "ws");
}
