import { keepRunning, resume } from "./audio-context.js";

const FADE_S = 0.01; // time constant when replies become silent or audible, so that no click is heard

/**
 * Plays spoken replies, stops at once when a reply is stopped, and reports to the server what was played. From this
 * the server knows what the user has heard. Event: `played` (detail: {turn, playedMs}).
 */
export class Speaker extends EventTarget {
  #isMuted = false;
  #rate;
  #context = null;
  #port = null;
  #volume = null; // an AudioParam
  #opening = null; // the promise of the first `open`
  #isWanted = false; // opened, and not closed since

  constructor({ rate = 16_000 } = {}) {
    super();
    this.#rate = rate;
  }

  get isMuted() {
    return this.#isMuted;
  }

  /** Replies are silent from now on, also what was received already; it counts as played, because its time passes. */
  set isMuted(isMuted) {
    this.#isMuted = isMuted;
    this.#volume?.setTargetAtTime(isMuted ? 0 : 1, this.#context.currentTime, FADE_S);
  }

  /** Opens the sound output, or resumes it. Browsers allow it after a click or a key only. */
  async open() {
    this.#isWanted = true;
    while (this.#isWanted && !this.#context) {
      await (this.#opening ??= this.#start().finally(() => (this.#opening = null)));
    }
    if (this.#context) resume(this.#context);
  }

  async #start() {
    const context = new AudioContext({ sampleRate: this.#rate, latencyHint: "interactive" });
    try {
      await context.audioWorklet.addModule(new URL("./playback-worklet.js", import.meta.url));
      if (!this.#isWanted) {
        context.close();
        return;
      }
      const options = { numberOfInputs: 0, outputChannelCount: [1] };
      const playback = new AudioWorkletNode(context, "voicegw-playback", options);
      const gain = new GainNode(context, { gain: this.#isMuted ? 0 : 1 });
      playback.connect(gain).connect(context.destination);
      playback.port.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent("played", { detail: data }));
      this.#port = playback.port;
      this.#volume = gain.gain;
    } catch (error) {
      context.close();
      throw error;
    }
    keepRunning(context);
    this.#context = context;
  }

  /** Plays the replies of this client from now on. */
  attach(client) {
    let turn = null; // of the reply that is being played; only this one is reported
    client.addEventListener("audio", ({ detail: samples }) => this.#port?.postMessage({ samples }));
    client.addEventListener("message", ({ detail: message }) => {
      if (message.type === "reply_started") {
        turn = message.turn;
        this.#port?.postMessage({ begin: turn });
      } else if (message.type === "reply_done" && message.turn === turn) {
        turn = null;
        if (message.reason !== "completed") this.#port?.postMessage({ flush: true });
      }
    });
    this.addEventListener("played", ({ detail }) => {
      if (detail.turn === turn) client.played(detail.playedMs, turn);
    });
  }

  /** Closes the sound output. */
  close() {
    this.#isWanted = false;
    this.#context?.close();
    this.#context = this.#port = this.#volume = null;
  }
}
