/** The turns of a conversation, from the messages of the server. */
export class Conversation {
  turns = [];
  #byNumber = new Map();
  #typed = []; // turns whose number is not known yet

  /** Whether the user is speaking. */
  get isSpeaking() {
    return this.turns.some((turn) => turn.isSpeaking);
  }

  /** A typed message was sent; returns its turn. The server does not repeat its text. */
  type(text) {
    const turn = this.#add({ isTyped: true, text });
    this.#typed.push(turn);
    return turn;
  }

  /** Applies a message; returns the turn that it changed, or null. */
  receive(message) {
    if (message.type === "ready" && !message.resumed) this.#byNumber.clear(); // numbers begin again
    if (message.turn === undefined) return null;
    const turn = this.#turnOf(message);
    APPLY[message.type]?.(turn, message);
    return turn;
  }

  #turnOf({ turn: number, type }) {
    if (!this.#byNumber.has(number)) {
      const typed = OF_SPEECH.has(type) ? undefined : this.#typed.shift();
      this.#byNumber.set(number, typed ?? this.#add({ isTyped: false, text: "" }));
    }
    return this.#byNumber.get(number);
  }

  #add(begin) {
    const turn = {
      id: this.turns.length + 1,
      ...begin,
      isSpeaking: false,
      stable: "",
      tentative: "",
      separator: "",
      isFinal: begin.isTyped,
      reply: "",
      isReplying: false,
      reason: null, // why the reply ended
      tools: [], // {id, name, arguments, content, ok}: ok is null while the call runs
      notices: [],
      latency: null,
    };
    this.turns.push(turn);
    return turn;
  }
}

const OF_SPEECH = new Set(["speech_started", "partial", "speech_stopped", "final"]);

const APPLY = {
  speech_started: (turn) => (turn.isSpeaking = true),
  partial(turn, { stable, tentative, joined }) {
    Object.assign(turn, { stable, tentative, separator: stable && tentative && !joined ? " " : "" });
  },
  speech_stopped: (turn) => (turn.isSpeaking = false),
  final(turn, { text }) {
    Object.assign(turn, { text, isFinal: true, isSpeaking: false });
  },
  reply_started: (turn) => (turn.isReplying = true),
  reply_delta: (turn, { text }) => (turn.reply += text),
  reply_done(turn, { text, reason }) {
    Object.assign(turn, { reply: text, reason, isReplying: false });
  },
  tool_call: (turn, { id, name, arguments: given }) => turn.tools.push({ id, name, arguments: given, content: "", ok: null }),
  tool_progress: (turn, { id, content }) => update(turn, id, { content }),
  tool_result: (turn, { id, content, ok }) => update(turn, id, { content, ok }),
  notice: (turn, { message }) => turn.notices.push(message),
  moderated: (turn, { categories }) => turn.notices.push(`Stopped by moderation: ${categories.join(", ")}`),
  latency: (turn, message) => (turn.latency = message),
};

function update(turn, id, change) {
  const tool = turn.tools.find((one) => one.id === id);
  if (tool) Object.assign(tool, change);
}
