const FADE_SAMPLES = 128; // of what is cut off, so that no click is heard

/** The audio of one reply after the other, in the order in which it is played. */
export class PlaybackQueue {
  turn = null;
  played = 0; // samples of the reply of `turn`
  #pieces = [];
  #offset = 0; // of the first piece

  get isEmpty() {
    return this.#pieces.length === 0;
  }

  /** The reply of a turn follows. */
  begin(turn) {
    this.turn = turn;
    this.played = 0;
  }

  /** Appends samples (Int16Array). */
  push(samples) {
    if (samples.length) this.#pieces.push(samples);
  }

  /** Discards what was not played, except for a short fade. */
  flush() {
    const rest = this.#pieces[0]?.slice(this.#offset, this.#offset + FADE_SAMPLES);
    this.#offset = 0;
    this.#pieces = rest ? [rest.map((sample, index) => sample * (1 - index / rest.length))] : [];
  }

  /** Fills `output` (Float32Array) with the next samples, and with silence behind them. */
  pull(output) {
    for (let index = 0; index < output.length; index += 1) output[index] = this.#next();
  }

  #next() {
    const piece = this.#pieces[0];
    if (!piece) return 0;
    const sample = piece[this.#offset++] / 32768;
    this.played += 1;
    if (this.#offset === piece.length) {
      this.#pieces.shift();
      this.#offset = 0;
    }
    return sample;
  }
}
