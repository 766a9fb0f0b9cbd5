const ZERO_CROSSINGS = 16; // of the filter on each side: 80 dB of attenuation
const PASSBAND = 0.94; // of the lower Nyquist frequency
const KAISER_BETA = 8;

/** Converts a stream of mono samples from one rate to another, by a polyphase filter; delay: under 1.1 ms. */
export class Resampler {
  #step; // input samples to advance after an output sample, as whole samples and phases
  #phases;
  #table; // one filter for each phase
  #taps;
  #history;
  #start = 0; // of the filter in `history`
  #phase = 0;

  constructor(from, to) {
    const divisor = gcd(from, to);
    this.#phases = to / divisor;
    this.#step = from / divisor;
    const scale = Math.min(1, to / from); // below 1: the filter gets wider, against aliases
    this.#taps = 2 * Math.ceil(ZERO_CROSSINGS / scale);
    this.#table = filters(this.#phases, this.#taps, scale);
    this.#history = new Float32Array(this.#taps / 2 - 1); // so that the first output is at the first input
  }

  /** The output that this input completes, as Float32Array. */
  push(input) {
    const samples = new Float32Array(this.#history.length + input.length);
    samples.set(this.#history);
    samples.set(input, this.#history.length);
    const output = [];
    while (this.#start + this.#taps <= samples.length) {
      output.push(this.#filtered(samples));
      this.#phase += this.#step;
      this.#start += Math.floor(this.#phase / this.#phases);
      this.#phase %= this.#phases;
    }
    const consumed = Math.min(this.#start, samples.length);
    this.#history = samples.slice(consumed);
    this.#start -= consumed;
    return Float32Array.from(output);
  }

  #filtered(samples) {
    const filter = this.#table[this.#phase];
    let sum = 0;
    for (let tap = 0; tap < this.#taps; tap += 1) sum += filter[tap] * samples[this.#start + tap];
    return sum;
  }
}

/** Windowed sinc filters, one for each fraction of an input sample. */
function filters(phases, taps, scale) {
  return Array.from({ length: phases }, (_, phase) => {
    const centre = taps / 2 - 1 + phase / phases;
    const filter = Float32Array.from({ length: taps }, (__, tap) => coefficient(tap - centre, taps / 2, scale * PASSBAND));
    const sum = filter.reduce((total, value) => total + value, 0);
    return filter.map((value) => value / sum); // a constant signal keeps its level
  });
}

function coefficient(offset, halfWidth, cutoff) {
  const x = Math.PI * offset * cutoff;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  const edge = Math.min(1, (offset / halfWidth) ** 2);
  return (sinc * bessel(KAISER_BETA * Math.sqrt(1 - edge))) / bessel(KAISER_BETA);
}

/** The modified Bessel function I0, by its series. */
function bessel(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-9 * sum; k += 1) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

function gcd(a, b) {
  return b ? gcd(b, a % b) : a;
}
