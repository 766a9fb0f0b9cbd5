/* global AudioWorkletProcessor, registerProcessor, sampleRate */
import { PlaybackQueue } from "./playback-queue.js";

const REPORT_S = 0.1;

/** Runs in the audio thread: plays what the page sends, and reports how much was played. */
class Playback extends AudioWorkletProcessor {
  #queue = new PlaybackQueue();
  #reported = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#receive(data);
  }

  #receive({ begin, samples, flush }) {
    if (begin !== undefined) {
      this.#queue.begin(begin);
      this.#reported = 0;
    }
    if (samples) this.#queue.push(samples);
    if (flush) this.#queue.flush();
  }

  process(_inputs, [[output]]) {
    this.#queue.pull(output);
    const { turn, played, isEmpty } = this.#queue;
    const unreported = played - this.#reported;
    if (unreported > REPORT_S * sampleRate || (isEmpty && unreported > 0)) {
      this.#reported = played;
      this.port.postMessage({ turn, playedMs: Math.floor((played * 1000) / sampleRate) });
    }
    return true;
  }
}

registerProcessor("voicegw-playback", Playback);
