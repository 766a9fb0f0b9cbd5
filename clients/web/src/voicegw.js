/** The client of a voicegw server, for browsers. Types: voicegw.d.ts. */
export { VoiceClient } from "./client.js";
export { Conversation } from "./conversation.js";
export { MicrophoneError, Refused, SessionLost, Unreachable, VoiceError } from "./errors.js";
export { latencySteps } from "./latency.js";
export { Microphone } from "./microphone.js";
export { Resampler } from "./resampler.js";
export { Speaker } from "./speaker.js";
