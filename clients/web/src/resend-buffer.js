import { SessionLost } from "./errors.js";

// wrong in the next one; `commit` is not, because it ends what is said in audio that is sent again
const OF_ONE_SESSION = new Set(["ack", "cancel", "played", "refresh"]);

/**
 * The messages that the server has not acknowledged, in order, to send them again on a new connection. Audio
 * (Int16Array) is acknowledged by sample, text messages (string of JSON) by number.
 */
export class ResendBuffer {
  #items = []; // each with the number of samples and of text messages before it
  #sent = 0; // index of the item to send next
  #samples = 0;
  #messages = 0;
  #isBegun = false; // the first session
  #maxSamples;

  /** maxSamples: older audio is dropped. */
  constructor(maxSamples) {
    this.#maxSamples = maxSamples;
  }

  /** The kept text messages, oldest first. */
  get texts() {
    return this.#items.map((item) => item.content).filter((content) => typeof content === "string");
  }

  add(content) {
    this.#items.push({ content, samples: this.#samples, messages: this.#messages });
    if (typeof content === "string") this.#messages += 1;
    else this.#samples += content.length;
    while (this.#samples - this.#items[0].samples > this.#maxSamples) this.#dropFirst();
  }

  /** The next message to send, which then counts as sent; undefined when all were sent. */
  next() {
    return this.#items[this.#sent]?.content && this.#items[this.#sent++].content;
  }

  /** The server has received everything before this sample and this text message. */
  acknowledge(samples, messages) {
    while (this.#items.length && isReceived(this.#items[0], samples, messages)) this.#dropFirst();
  }

  /** Sends again from this sample and this text message. Throws SessionLost when they are not kept any longer. */
  rewind(samples, messages) {
    this.acknowledge(samples, messages);
    this.#sent = 0;
    const first = this.#items[0] ?? { samples: this.#samples, messages: this.#messages };
    if (first.samples > samples || first.messages > messages) {
      throw new SessionLost("not_kept", "the server asks for audio that is not kept any longer");
    }
    if (first.samples < samples && typeof first.content !== "string") {
      const rest = first.content.subarray(samples - first.samples);
      this.#items[0] = { content: rest, samples, messages: first.messages };
    }
  }

  /**
   * The server has started a new session. It begins with the kept messages, except those about the old session, and
   * the newest audio, of which it takes only so many samples at once. settings: messages that come first if there was
   * an old session, which had them.
   */
  restart(maxSamples, settings = []) {
    const all = this.#items.map((item) => item.content);
    const contents = this.#isBegun ? [...settings, ...all.filter((content) => !isOfOneSession(content))] : all;
    const samples = contents.reduce((sum, content) => sum + (typeof content === "string" ? 0 : content.length), 0);
    let excess = Math.max(0, samples - maxSamples);
    this.#isBegun = true;
    this.#items = [];
    this.#sent = this.#samples = this.#messages = 0;
    for (const content of contents) {
      const dropped = typeof content === "string" ? 0 : Math.min(excess, content.length);
      excess -= dropped;
      if (!dropped) this.add(content);
      else if (dropped < content.length) this.add(content.subarray(dropped));
    }
  }

  #dropFirst() {
    this.#items.shift();
    this.#sent = Math.max(0, this.#sent - 1);
  }
}

function isReceived(item, samples, messages) {
  if (typeof item.content === "string") return item.messages < messages;
  return item.samples + item.content.length <= samples;
}

function isOfOneSession(content) {
  return typeof content === "string" && OF_ONE_SESSION.has(JSON.parse(content).type);
}
