/** The client of a voicegw server, for browsers. */

export type State = "idle" | "connecting" | "open" | "reconnecting" | "closed";
export type ReplyMode = "text" | "audio" | "none";

declare class TypedEventTarget<Events> extends EventTarget {
  addEventListener<K extends keyof Events & string>(
    type: K,
    listener: ((event: Events[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

export class VoiceError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number;
}
/** The server refused the connection, or ended the session with an error of its table of errors. */
export class Refused extends VoiceError {}
/** No server answered. */
export class Unreachable extends VoiceError {}
/** The session cannot continue. */
export class SessionLost extends VoiceError {}
/** code: `insecure` (not a secure origin), `denied`, `missing`, `busy` or `failed`. */
export class MicrophoneError extends VoiceError {}

export interface ClientOptions {
  /** For example wss://voice.example.org/v1/stream */
  url: string;
  /** Samples per second, in both directions: 8000, 16000 (default), 24000 or 48000. */
  rate?: number;
  reply?: ReplyMode;
  /** ISO 639-1 code, or `auto`. */
  language?: string;
  /** Authorises the client; a function is asked for a new token for every connection. */
  token?: string | null | (() => string | null | Promise<string | null>);
  /** How long to try to reconnect; 0: not at all. Default: 120000. */
  reconnectMs?: number;
}

export interface Settings {
  end_silence_ms?: number;
  min_end_silence_ms?: number;
  max_end_silence_ms?: number;
  max_utterance_ms?: number;
  partial_interval_ms?: number;
  reply?: ReplyMode | boolean;
  speculate?: boolean;
  key_terms?: string[];
  language?: string;
  instructions?: string;
  tools?: string[];
  voice?: string;
}

interface ClientEvents {
  message: CustomEvent<ServerMessage>;
  audio: CustomEvent<Int16Array>;
  state: CustomEvent<{ state: State; error: VoiceError | null }>;
}

/** A session, across lost connections. */
export class VoiceClient extends TypedEventTarget<ClientEvents> {
  constructor(options: ClientOptions);
  readonly state: State;
  readonly ready: ReadyMessage | null;
  /** How many typed messages the server has not acknowledged; a new session gets them again after its `ready`. */
  readonly unacknowledgedTexts: number;
  /** Opens the session. Throws Refused or Unreachable. */
  connect(): Promise<ReadyMessage>;
  /** Sends mono samples, at the rate of the session. */
  sendAudio(samples: Int16Array): void;
  say(text: string): void;
  /** Ends the running utterance now, without waiting for silence. */
  commit(): void;
  /** Stops the running reply. */
  cancel(): void;
  /** Changes settings. When the session is lost, a new one has `reply` and `language`, but not the others. */
  configure(settings: Settings): void;
  /**
   * Sends a new token, so that the session can continue when the old one ends; a `token` function does this. Later
   * connections have it in place of a `token` string.
   */
  refresh(token: string): void;
  /** Reports how much of the audio of a reply was played; `Speaker` does this. */
  played(audioMs: number, turn?: number): void;
  /** Nothing more will be sent: the server finishes open turns, then the session is closed. */
  end(): void;
  /** Ends the session at once. */
  close(): void;
}

interface MicrophoneEvents {
  frame: CustomEvent<{ samples: Int16Array; level: number }>;
  /** It was disconnected, or does not go on after an interruption. */
  ended: Event;
}

/** The microphone, with the browser's echo cancellation, as frames of 20 ms. */
export class Microphone extends TypedEventTarget<MicrophoneEvents> {
  constructor(options?: { rate?: number });
  readonly isOpen: boolean;
  static devices(): Promise<{ id: string; label: string }[]>;
  /** Asks for the microphone and opens it. Throws MicrophoneError. */
  open(deviceId?: string): Promise<void>;
  close(): void;
}

interface SpeakerEvents {
  played: CustomEvent<{ turn: number; playedMs: number }>;
}

/** Plays spoken replies, stops at once when a reply is stopped, and reports what was played. */
export class Speaker extends TypedEventTarget<SpeakerEvents> {
  /** Replies are silent, from this moment; what is not heard counts as played. */
  isMuted: boolean;
  constructor(options?: { rate?: number });
  /** Opens the sound output, or resumes it, after a click or a key; not if it is closed meanwhile. */
  open(): Promise<void>;
  attach(client: VoiceClient): void;
  close(): void;
}

/** Converts a stream of mono samples from one rate to another. */
export class Resampler {
  constructor(from: number, to: number);
  push(input: Float32Array): Float32Array;
}

export interface ToolUse {
  id: string;
  name: string;
  arguments: string;
  content: string;
  /** null while the call runs. */
  ok: boolean | null;
}

/** An utterance or a typed message, and its reply. */
export interface Turn {
  id: number;
  isTyped: boolean;
  isSpeaking: boolean;
  isFinal: boolean;
  /** Of a final, or typed. */
  text: string;
  stable: string;
  tentative: string;
  /** Between the two. */
  separator: string;
  reply: string;
  isReplying: boolean;
  reason: ReplyReason | null;
  tools: ToolUse[];
  notices: string[];
  latency: LatencyMessage | null;
}

/** The turns of a conversation, from the messages of the server. */
export class Conversation {
  readonly turns: Turn[];
  readonly isSpeaking: boolean;
  type(text: string): Turn;
  /**
   * Returns the turns that it changed. resent: how many of the last typed messages a new session gets again,
   * `unacknowledgedTexts` of the client; default: 0.
   */
  receive(message: ServerMessage, resent?: number): Turn[];
  /** The session is lost: what is open has failed, except what is sent again. Returns the turns that it changed. */
  lose(resent?: number): Turn[];
}

/** The steps between the end of the user's speech and the reply, one after the other. */
export function latencySteps(
  message: LatencyMessage,
): { name: "endpoint" | "recognition" | "model" | "voice"; ms: number }[];

// The messages of the server, as `voicegw schema` describes them.

export type ReplyReason = "completed" | "interrupted" | "cancelled" | "moderated" | "failed";

interface Numbered {
  seq: number;
}
interface OfTurn extends Numbered {
  turn: number;
}
export interface ReadyMessage extends Numbered {
  type: "ready";
  session: string;
  epoch: number;
  resumed: boolean;
  next_sample: number;
  next_message: number;
  limits: { max_message_bytes: number; max_burst_ms: number; idle_timeout_ms: number; max_session_ms: number };
  development: boolean;
  reply_audio: { format: string; rate: number } | null;
}
export interface SpeechStartedMessage extends OfTurn {
  type: "speech_started";
  at_ms: number;
}
export interface PartialMessage extends OfTurn {
  type: "partial";
  stable: string;
  tentative: string;
  audio_ms: number;
  joined?: boolean;
}
export interface SpeechStoppedMessage extends OfTurn {
  type: "speech_stopped";
  at_ms: number;
  reason: "silence" | "commit" | "end" | "max_length" | "stalled";
}
export interface FinalMessage extends OfTurn {
  type: "final";
  text: string;
  words: { word: string; start_ms: number; end_ms: number; probability: number }[];
  start_ms: number;
  end_ms: number;
  language?: string;
}
export interface ReplyStartedMessage extends OfTurn {
  type: "reply_started";
  /** The reply is the server's greeting, and answers nobody. */
  greeting?: boolean;
}
export interface ReplyDeltaMessage extends OfTurn {
  type: "reply_delta";
  text: string;
}
export interface ReplyDoneMessage extends OfTurn {
  type: "reply_done";
  text: string;
  reason: ReplyReason;
}
export interface ToolCallMessage extends OfTurn {
  type: "tool_call";
  id: string;
  name: string;
  arguments: string;
}
export interface ToolProgressMessage extends OfTurn {
  type: "tool_progress";
  id: string;
  name: string;
  content: string;
}
export interface ToolResultMessage extends OfTurn {
  type: "tool_result";
  id: string;
  name: string;
  content: string;
  ok: boolean;
}
export interface ModeratedMessage extends OfTurn {
  type: "moderated";
  what: "input" | "reply";
  categories: string[];
}
export interface NoticeMessage extends OfTurn {
  type: "notice";
  code: string;
  message: string;
}
export interface LatencyMessage extends OfTurn {
  type: "latency";
  endpoint_ms?: number;
  queue_ms?: number;
  decode_ms?: number;
  final_ms?: number;
  asked_ms?: number;
  model_ms?: number;
  first_token_ms?: number;
  first_audio_ms?: number;
  done_ms?: number;
  attempts?: number;
  speculative?: boolean;
}
export interface AckMessage extends Numbered {
  type: "ack";
  samples: number;
  messages: number;
}
export interface GoingAwayMessage extends Numbered {
  type: "going_away";
  retry_after_ms: number;
}
export interface EndingMessage extends Numbered {
  type: "ending";
  code: string;
  in_ms: number;
}
export interface RefreshedMessage extends Numbered {
  type: "refreshed";
  expires_in_ms: number;
}
export interface ErrorMessage extends Numbered {
  type: "error";
  code: string;
  message: string;
  retryable: boolean;
  retry_after_ms?: number;
}

export type ServerMessage =
  | ReadyMessage
  | SpeechStartedMessage
  | PartialMessage
  | SpeechStoppedMessage
  | FinalMessage
  | ReplyStartedMessage
  | ReplyDeltaMessage
  | ReplyDoneMessage
  | ToolCallMessage
  | ToolProgressMessage
  | ToolResultMessage
  | ModeratedMessage
  | NoticeMessage
  | LatencyMessage
  | AckMessage
  | GoingAwayMessage
  | EndingMessage
  | RefreshedMessage
  | ErrorMessage;
