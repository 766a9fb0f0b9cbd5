/* global AudioWorkletProcessor, registerProcessor, sampleRate */
import { Framer } from "./framer.js";

/** Runs in the audio thread: sends frames of 20 ms to the page. */
class Capture extends AudioWorkletProcessor {
  #framer;

  constructor({ processorOptions }) {
    super();
    this.#framer = new Framer(sampleRate, processorOptions.rate);
  }

  process([channels]) {
    if (channels.length) {
      for (const frame of this.#framer.push(channels)) this.port.postMessage(frame, [frame.samples.buffer]);
    }
    return true;
  }
}

registerProcessor("voicegw-capture", Capture);
