import { MicrophoneError } from "./errors.js";

const REASONS = {
  NotAllowedError: ["denied", "The browser does not allow this page to use the microphone."],
  SecurityError: ["denied", "The browser does not allow this page to use the microphone."],
  NotFoundError: ["missing", "No microphone was found."],
  OverconstrainedError: ["missing", "The chosen microphone was not found."],
  NotReadableError: ["busy", "The microphone cannot be opened; another program may use it."],
};

/** The microphone, with the browser's echo cancellation. Events: `frame` (detail: {samples, level}) and `ended`. */
export class Microphone extends EventTarget {
  #context = null;
  #stream = null;
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
  async open(deviceId = "") {
    if (!globalThis.isSecureContext || !navigator.mediaDevices) {
      throw new MicrophoneError("insecure", "Browsers give the microphone to secure pages only (https or localhost).");
    }
    const chosen = deviceId ? { deviceId: { exact: deviceId } } : {};
    const processing = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, ...processing, ...chosen },
      });
      await this.#capture();
    } catch (error) {
      this.close();
      const [code, message] = REASONS[error.name] ?? ["failed", `The microphone cannot be opened: ${error.message}`];
      throw new MicrophoneError(code, message);
    }
  }

  async #capture() {
    this.#context = new AudioContext({ latencyHint: "interactive" });
    await this.#context.audioWorklet.addModule(new URL("./capture-worklet.js", import.meta.url));
    const capture = new AudioWorkletNode(this.#context, "voicegw-capture", {
      numberOfOutputs: 0,
      processorOptions: { rate: this.#rate },
    });
    capture.port.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent("frame", { detail: data }));
    this.#context.createMediaStreamSource(this.#stream).connect(capture);
    this.#stream.getTracks().forEach((track) => (track.onended = () => this.#end()));
    await this.#context.resume();
  }

  #end() {
    this.close();
    this.dispatchEvent(new Event("ended"));
  }

  /** Releases the microphone. */
  close() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#context?.close();
    this.#stream = this.#context = null;
  }
}
