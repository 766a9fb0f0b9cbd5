/** An error with the `code` of the server's table of errors, or one of this module. */
export class VoiceError extends Error {
  constructor(code, message, { retryable = false, retryAfterMs = 0 } = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The server refused the connection, or ended the session with an error. */
export class Refused extends VoiceError {}

/** No server answered, or the connection was closed without a reason. A later attempt may succeed. */
export class Unreachable extends VoiceError {
  constructor(message) {
    super("unreachable", message, { retryable: true });
  }
}

/** The session cannot continue: no new connection was possible in time. */
export class SessionLost extends VoiceError {}

/** code: `insecure` (not a secure origin), `denied`, `missing`, `busy` or `failed`. */
export class MicrophoneError extends VoiceError {}
