const SILENCE_MS = 3_000; // without a message while an answer is due: the connection is lost
const READY_MS = 10_000; // from the WebSocket to the first message
const PAUSE_MS = 1_000; // without audio: no answer to it is due any more
const CHECK_MS = 500;

/**
 * Finds out that a connection is lost which nobody has closed. Browsers cannot send pings, so this relies on what the
 * server answers: audio every second, and typed messages at once.
 */
export class HealthCheck {
  isReady = false; // the session is open
  #onLost;
  #receivedAt = 0;
  #typedAt = Infinity; // the first typed message after the last message of the server
  #audioAt = -Infinity; // the last audio
  #audioSince = -Infinity; // the begin of the audio without pauses
  #timer = null;

  /** onLost: called when the connection is lost. */
  constructor(onLost) {
    this.#onLost = onLost;
  }

  /** A WebSocket was opened. */
  start() {
    this.stop();
    this.receive();
    this.isReady = false;
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  /** There is no connection any more. */
  stop() {
    clearInterval(this.#timer);
  }

  /** The server has sent something. */
  receive() {
    this.#receivedAt = performance.now();
    this.#typedAt = Infinity;
  }

  sendAudio() {
    const now = performance.now();
    if (now > this.#audioAt + PAUSE_MS) this.#audioSince = now;
    this.#audioAt = now;
  }

  sendText() {
    this.#typedAt = Math.min(this.#typedAt, performance.now());
  }

  #check() {
    const now = performance.now();
    if (now > this.#dueSince(now) + (this.isReady ? SILENCE_MS : READY_MS)) this.#onLost();
  }

  /** Since when an answer is due; Infinity if none is. */
  #dueSince(now) {
    if (!this.isReady) return this.#receivedAt;
    const isSendingAudio = now < this.#audioAt + PAUSE_MS;
    return Math.min(this.#typedAt, isSendingAudio ? Math.max(this.#receivedAt, this.#audioSince) : Infinity);
  }
}
