import { Refused, Unreachable } from "./errors.js";

const SUBPROTOCOL = "voicegw.v1";
const OPEN_MS = 10_000;

/**
 * Opens a WebSocket. `onMessage` and `onClose` are in place before the first message can arrive. Throws Refused
 * with the reason of the server, or Unreachable.
 */
export async function openSocket(url, token, { onMessage, onClose }) {
  const protocols = token ? [SUBPROTOCOL, `bearer.${token}`] : [SUBPROTOCOL];
  let socket;
  try {
    socket = new WebSocket(url, protocols);
  } catch (error) {
    throw new Refused("token_invalid", `this is not a token, or not an address: ${error.message}`);
  }
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => onMessage(event.data);
  if (await isOpened(socket)) {
    socket.onclose = (event) => onClose(socket, event);
    return socket;
  }
  throw await reasonOf(url, token);
}

/** Closes a socket whose session may continue on another one: without a code it would end the session. */
export function abandonSocket(socket) {
  socket.onmessage = socket.onclose = null;
  socket.close(4000, "no answer");
}

function isOpened(socket) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      abandonSocket(socket);
      resolve(false);
    }, OPEN_MS);
    const settle = (opened) => () => {
      clearTimeout(timer);
      resolve(opened);
    };
    socket.onopen = settle(true);
    socket.onclose = settle(false);
  });
}

/** Why a connection was refused. A WebSocket does not tell it, but a plain request to the same address does. */
async function reasonOf(url, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    const address = url.replace(/^ws/, "http");
    const response = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(OPEN_MS) });
    if (response.status === 426) return new Unreachable("The server answers, but opens no WebSocket.");
    const { error } = await response.json();
    const { code, message, retryable, retry_after_ms: retryAfterMs } = error;
    return new Refused(code, message, { retryable, retryAfterMs: retryAfterMs ?? 0 });
  } catch {
    return new Unreachable("The server does not answer.");
  }
}
