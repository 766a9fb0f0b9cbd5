import { keepRunning } from "./audio-context.js";
import { MicrophoneError } from "./errors.js";

const REASONS = {
  NotAllowedError: ["denied", "The browser does not allow this page to use the microphone."],
  SecurityError: ["denied", "The browser does not allow this page to use the microphone."],
  NotFoundError: ["missing", "No microphone was found."],
  OverconstrainedError: ["missing", "The chosen microphone was not found."],
  NotReadableError: ["busy", "The microphone cannot be opened; another program may use it."],
};

/**
 * The microphone, with the browser's echo cancellation. Events: `frame` (detail: {samples, level}) and `ended`: it was
 * disconnected, or does not go on after an interruption.
 */
export class Microphone extends EventTarget {
  #context = null;
  #stream = null;
  #opening = null; // the promise of `open`
  #rate;

  constructor({ rate = 16_000 } = {}) {
    super();
    this.#rate = rate;
  }

  get isOpen() {
    return this.#stream !== null;
  }

  /** The microphones of this device: [{id, label}]. Browsers tell labels once the microphone was allowed. */
  static async devices() {
    const all = (await globalThis.navigator?.mediaDevices?.enumerateDevices()) ?? [];
    const inputs = all.filter((device) => device.kind === "audioinput" && device.deviceId);
    return inputs.map(({ deviceId, label }) => ({ id: deviceId, label }));
  }

  /** Asks for the microphone and opens it; frames follow. deviceId: of `devices`. Throws MicrophoneError. */
  open(deviceId = "") {
    this.#opening ??= this.#open(deviceId).finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #open(deviceId) {
    if (!globalThis.isSecureContext || !navigator.mediaDevices) {
      throw new MicrophoneError("insecure", "Browsers give the microphone to secure pages only (https or localhost).");
    }
    this.close();
    const chosen = deviceId ? { deviceId: { exact: deviceId } } : {};
    const processing = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    try {
      const audio = { channelCount: 1, ...processing, ...chosen };
      const stream = await navigator.mediaDevices.getUserMedia({ audio });
      this.#context = await this.#capture(stream);
      this.#stream = stream;
    } catch (error) {
      const [code, message] = REASONS[error.name] ?? ["failed", `The microphone cannot be opened: ${error.message}`];
      throw new MicrophoneError(code, message);
    }
  }

  async #capture(stream) {
    let context;
    try {
      context = new AudioContext({ latencyHint: "interactive" });
      await context.audioWorklet.addModule(new URL("./capture-worklet.js", import.meta.url));
      const processorOptions = { rate: this.#rate };
      const capture = new AudioWorkletNode(context, "voicegw-capture", { numberOfOutputs: 0, processorOptions });
      capture.port.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent("frame", { detail: data }));
      context.createMediaStreamSource(stream).connect(capture);
    } catch (error) {
      release(stream, context);
      throw error;
    }
    stream.getTracks().forEach((track) => (track.onended = () => this.#end()));
    keepRunning(context, () => context === this.#context && this.#end());
    return context;
  }

  #end() {
    this.close();
    this.dispatchEvent(new Event("ended"));
  }

  /** Releases the microphone. */
  close() {
    if (this.isOpen) release(this.#stream, this.#context);
    this.#stream = this.#context = null;
  }
}

function release(stream, context) {
  stream.getTracks().forEach((track) => track.stop());
  context?.close();
}
