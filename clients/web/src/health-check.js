// how long the server may send nothing while an answer is due; then the connection is lost
const TYPED_MS = 8_000; // the server holds its answers back for 5 s while Redis is away (`store_patience_ms`)
const AUDIO_MS = 3_000; // shorter, because nobody hears what is said meanwhile; a wrong decision costs a reconnect
const READY_MS = 10_000; // from the WebSocket to the first message
const PAUSE_MS = 1_000; // without audio: no answer to it is due any more
const CHECK_MS = 500;

/**
 * Finds out that a connection is lost which nobody has closed. Browsers cannot send pings, so this relies on what the
 * server answers: audio every second, and typed messages at once.
 */
export class HealthCheck {
  #isOpen = false; // the session
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
    this.#isOpen = false;
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  /** The session is open. */
  open() {
    this.#isOpen = true;
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
    if (now > this.#deadline(now)) this.#onLost();
  }

  /** Until when the server has to answer; Infinity if no answer is due. */
  #deadline(now) {
    if (!this.#isOpen) return this.#receivedAt + READY_MS;
    const isSendingAudio = now < this.#audioAt + PAUSE_MS;
    const ofAudio = isSendingAudio ? Math.max(this.#receivedAt, this.#audioSince) + AUDIO_MS : Infinity;
    return Math.min(this.#typedAt + TYPED_MS, ofAudio);
  }
}
