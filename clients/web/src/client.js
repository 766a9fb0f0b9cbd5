import { Refused, SessionLost, Unreachable, VoiceError } from "./errors.js";
import { HealthCheck } from "./health-check.js";
import { ResendBuffer } from "./resend-buffer.js";
import { abandonSocket, openSocket } from "./socket.js";

const KEPT_S = 120; // of unacknowledged audio
const FINAL_CLOSURES = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010, 4001]); // reconnecting is pointless
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 5_000;
const MAX_RETRY_AFTER_MS = 60_000; // whatever a server says; a timer of over 2^31 ms fires at once
const ACKNOWLEDGE_EVERY = 32; // messages
const BURST_MARGIN_MS = 1_000; // for what is said while a new session is being opened
const MAX_BUFFERED_BYTES = 256_000; // in the socket; more stays in the resend buffer
const LASTING = ["reply", "language"]; // settings that a new session gets, too
const REPLY_MODES = new Map([[true, "text"], [false, "none"], ...["text", "audio", "none"].map((mode) => [mode, mode])]);

/**
 * A session, across lost connections. Events: `message` (detail: a message of the server, each once and in order),
 * `audio` (detail: Int16Array of reply audio) and `state` (detail: {state, error}).
 */
export class VoiceClient extends EventTarget {
  state = "idle";
  ready = null;
  #options;
  #settings = {}; // the lasting ones, as configured
  #reply; // in the address, as configured: a new session may greet before it receives messages
  #socket = null;
  #buffer;
  #seen = 0;
  #acknowledged = 0;
  #isReady = false;
  #waiting = null; // the promise of `connect`
  #error = null; // the last error message of the server
  #retryAfterMs = 0; // as the server said, for the next attempt
  #delayMs = 0; // the longest random delay before the next attempt
  #giveUpAt = 0; // reconnecting
  #health = new HealthCheck(() => this.#lose(new Unreachable("The server sends nothing.")));

  constructor({ url, rate = 16_000, reply = "text", language = "", token = null, reconnectMs = 120_000 }) {
    super();
    this.#options = { url, rate, reply, language, token, reconnectMs };
    this.#reply = reply;
    this.#buffer = new ResendBuffer(KEPT_S * rate);
  }

  /** How many typed messages the server has not acknowledged; a new session gets them again after its `ready`. */
  get unacknowledgedTexts() {
    return this.#buffer.texts.filter(isTyped).length;
  }

  /** Opens the session; resolves with the server's `ready` message. Throws Refused or Unreachable. */
  async connect() {
    this.#setState("connecting");
    try {
      const ready = new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
      ready.catch(() => {}); // it may fail while the socket is still being opened
      await this.#open({});
      return await ready;
    } catch (error) {
      this.#finish(error);
      throw error;
    }
  }

  /** Sends mono samples (Int16Array), at the rate of the session. */
  sendAudio(samples) {
    this.#health.sendAudio();
    this.#add(samples);
  }

  /** Sends a typed message. */
  say(text) {
    this.#request({ type: "text", text });
  }

  /** Ends the running utterance now, without waiting for silence. */
  commit() {
    this.#request({ type: "commit" });
  }

  /** Stops the running reply. */
  cancel() {
    this.#request({ type: "cancel" });
  }

  /** Changes settings of the session, by the names of the protocol. A new session gets `reply` and `language`, too. */
  configure(settings) {
    for (const name of LASTING) if (settings[name] !== undefined) this.#settings[name] = settings[name];
    this.#reply = REPLY_MODES.get(settings.reply) ?? this.#reply;
    this.#request({ type: "configure", ...settings });
  }

  /** Sends a new token, so that the session can continue when the old one ends. A reconnect uses it, too. */
  refresh(token) {
    if (typeof this.#options.token !== "function") this.#options.token = token;
    this.#request({ type: "refresh", token });
  }

  /** Reports how much of the audio of a reply was played. */
  played(audioMs, turn) {
    this.#request({ type: "played", audio_ms: audioMs, turn });
  }

  /** Nothing more will be sent: the server finishes open turns, then the session is closed. */
  end() {
    this.#request({ type: "end" });
  }

  /** Ends the session at once. */
  close() {
    this.#finish(null);
  }

  async #open(resume) {
    const { url, rate, language, token } = this.#options;
    const query = new URLSearchParams({ rate, reply: this.#reply, ...(language && { lang: language }), ...resume });
    const shown = typeof token === "function" ? await token() : token;
    const socket = await openSocket(`${url}?${query}`, shown, {
      onMessage: (data) => this.#receive(data),
      onClose: (from, event) => from === this.#socket && this.#lose(this.#closeError(event)),
    });
    this.#socket = socket;
    this.#health.start();
    if (this.state === "closed") this.#hangUp();
  }

  #receive(data) {
    this.#health.receive();
    if (this.state === "closed") return;
    if (typeof data !== "string") {
      this.#emit("audio", new Int16Array(data));
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "ready") this.#resume(message);
    else if (message.seq <= this.#seen) return;
    this.#seen = message.seq;
    this.#handle(message);
    this.#emit("message", message);
    this.#acknowledge();
  }

  #handle(message) {
    if (message.type === "ack") {
      this.#buffer.acknowledge(message.samples, message.messages);
      this.#sendPending();
    } else if (message.type === "going_away") {
      this.#retryAfterMs = message.retry_after_ms;
    } else if (message.type === "ending") {
      this.#renew(message);
    } else if (message.type === "error") {
      this.#error = message;
    }
  }

  #resume(ready) {
    this.ready = ready;
    this.#error = null;
    if (ready.resumed) {
      try {
        this.#buffer.rewind(ready.next_sample, ready.next_message);
      } catch (error) {
        return this.#finish(error);
      }
    } else {
      const maxSamples = ((ready.limits.max_burst_ms - BURST_MARGIN_MS) * this.#options.rate) / 1000;
      this.#buffer.restart(maxSamples, this.#lastingSettings());
      this.#acknowledged = 0;
    }
    this.#isReady = true;
    this.#health.open();
    this.#setState("open");
    this.#waiting?.resolve(ready);
    this.#waiting = null;
    this.#sendPending();
  }

  /**
   * The messages that give a new session the lasting settings. A language is not put into the address, because one that
   * the server refuses would end the session. A message with a wrong value changes nothing, so each has one setting.
   */
  #lastingSettings() {
    return Object.entries(this.#settings).map(([name, value]) => JSON.stringify({ type: "configure", [name]: value }));
  }

  async #renew(ending) {
    const { token } = this.#options;
    if (ending.code === "token_expired" && typeof token === "function") this.refresh(await token());
  }

  #acknowledge() {
    if (!this.#isReady || this.#seen < this.#acknowledged + ACKNOWLEDGE_EVERY) return;
    this.#acknowledged = this.#seen;
    this.#request({ type: "ack", seq: this.#seen });
  }

  #request(message) {
    this.#add(JSON.stringify(message));
  }

  #add(content) {
    if (this.state === "closed") return;
    this.#buffer.add(content);
    this.#sendPending();
  }

  #sendPending() {
    while (this.#isReady && this.#socket.bufferedAmount < MAX_BUFFERED_BYTES) {
      const content = this.#buffer.next();
      if (content === undefined) return;
      this.#socket.send(content);
      if (isTyped(content)) this.#health.sendText(); // now, because it may have waited for a connection
    }
  }

  /** The connection ended. error: null when the session did, as it should. */
  #lose(error) {
    this.#health.stop();
    abandonSocket(this.#socket);
    this.#socket = null;
    this.#isReady = false;
    if (this.#waiting || !(error instanceof Unreachable) || !this.#options.reconnectMs) return this.#finish(error);
    const now = performance.now();
    if (this.state !== "reconnecting") {
      this.#giveUpAt = now + this.#options.reconnectMs;
      this.#delayMs = FIRST_DELAY_MS;
    } else if (now > this.#giveUpAt) return this.#finish(error);
    this.#setState("reconnecting", error);
    this.#reconnect();
  }

  /** Tries until a WebSocket is open, after random and growing delays. */
  async #reconnect() {
    for (;;) {
      const delayMs = Math.min(this.#retryAfterMs, MAX_RETRY_AFTER_MS) + Math.random() * this.#delayMs;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      this.#retryAfterMs = 0;
      this.#delayMs = Math.min(2 * this.#delayMs, MAX_DELAY_MS);
      if (this.state !== "reconnecting") return;
      const error = await this.#tryAgain();
      if (!error) return;
      if (!error.retryable || performance.now() > this.#giveUpAt) return this.#finish(error);
      this.#retryAfterMs = error.retryAfterMs;
    }
  }

  /** One attempt; returns its error. If the server refuses the configured reply mode, it tries the first one again. */
  async #tryAgain() {
    const { session, epoch } = this.ready;
    try {
      await this.#open({ session, epoch, last_seq: this.#seen });
      return null;
    } catch (error) {
      if (error instanceof Refused && !error.retryable && this.#reply !== this.#options.reply) {
        this.#reply = this.#options.reply;
        return this.#tryAgain();
      }
      return error instanceof VoiceError ? error : new SessionLost("token_missing", String(error)); // no new token
    }
  }

  #finish(error) {
    if (this.state === "closed") return;
    this.#isReady = false;
    this.#setState("closed", error);
    this.#waiting?.reject(error ?? new SessionLost("closed", "The session was closed."));
    this.#waiting = null;
    this.#hangUp();
  }

  #hangUp() {
    this.#health.stop();
    this.#socket?.close(1000);
    this.#socket = null;
  }

  /** What a close means: null at the end of a session, the last error of the server, or an accident. */
  #closeError({ code, reason }) {
    if (code === 1000) return null;
    const told = this.#error;
    const isFinal = FINAL_CLOSURES.has(code);
    if (told && (isFinal || this.#waiting)) {
      return new Refused(told.code, told.message, { retryable: told.retryable, retryAfterMs: told.retry_after_ms ?? 0 });
    }
    if (isFinal) return new SessionLost(`closed_${code}`, reason || "The server closed the session.");
    return new Unreachable(reason || "The connection was lost.");
  }

  #setState(state, error = null) {
    this.state = state;
    this.#emit("state", { state, error });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function isTyped(content) {
  return typeof content === "string" && JSON.parse(content).type === "text";
}
