import { Resampler } from "./resampler.js";

/** Audio of a sound card as frames of 20 ms: mono s16le samples at the rate of the session. */
export class Framer {
  #resampler;
  #frame;
  #filled = 0;

  constructor(from, to) {
    this.#resampler = new Resampler(from, to);
    this.#frame = new Int16Array(to / 50);
  }

  /** The frames that these channels (Float32Array each) complete, each with its level from 0 to 1. */
  push(channels) {
    const frames = [];
    for (const sample of this.#resampler.push(mono(channels))) {
      this.#frame[this.#filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      if (this.#filled === this.#frame.length) {
        frames.push({ samples: this.#frame, level: levelOf(this.#frame) });
        this.#frame = new Int16Array(this.#frame.length);
        this.#filled = 0;
      }
    }
    return frames;
  }
}

function mono(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, index) => channels.reduce((sum, one) => sum + one[index], 0) / channels.length);
}

/** On a scale of decibels: 0 at -60 dB of full scale, 1 at full scale. */
function levelOf(samples) {
  const power = samples.reduce((sum, sample) => sum + (sample / 32768) ** 2, 0) / samples.length;
  return Math.max(0, Math.min(1, 1 + (10 * Math.log10(power + 1e-10)) / 60));
}
