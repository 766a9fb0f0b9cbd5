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

  /**
   * Applies a message; returns the turns that it changed. resent: how many of the last typed messages a new session
   * gets again, `unacknowledgedTexts` of the client.
   */
  receive(message, resent = 0) {
    if (message.type === "ready" && !message.resumed) return this.lose(resent);
    if (message.turn === undefined) return [];
    const turn = this.#turnOf(message);
    APPLY[message.type]?.(turn, message);
    return [turn];
  }

  /** The session is lost: what is open has failed, except what is sent again. Returns the turns that it changed. */
  lose(resent = 0) {
    const typed = this.turns.filter((turn) => turn.isTyped);
    const again = typed.slice(Math.max(0, typed.length - resent));
    const waiting = this.turns.filter((turn) => isOpen(turn) || this.#typed.includes(turn));
    const lost = waiting.filter((turn) => turn.reason || !again.includes(turn));
    lost.forEach(fail);
    this.#typed = again.map((turn) => this.#repeat(turn));
    this.#byNumber.clear(); // numbers begin again
    return [...lost, ...this.#typed];
  }

  /** The turn of a typed message that is sent again. A reply that has ended is kept. */
  #repeat(turn) {
    return turn.reason ? this.#add({ isTyped: true, text: turn.text }) : Object.assign(turn, unanswered());
  }

  #turnOf({ turn: number, type, greeting = false }) {
    if (!this.#byNumber.has(number)) {
      const isAnswer = number > 0 && !OF_SPEECH.has(type) && !greeting; // 0: of no turn
      const typed = isAnswer ? this.#typed.shift() : undefined;
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
      ...unanswered(),
    };
    this.turns.push(turn);
    return turn;
  }
}

function unanswered() {
  return {
    reply: "",
    isReplying: false,
    reason: null, // why the reply ended
    tools: [], // {id, name, arguments, content, ok}: ok is null while the call runs
    notices: [],
    latency: null,
  };
}

function isOpen({ isSpeaking, isReplying, tools }) {
  return isSpeaking || isReplying || tools.some(isRunning);
}

function fail(turn) {
  Object.assign(turn, { isSpeaking: false, isReplying: false, reason: turn.reason ?? "failed" });
  turn.tools.filter(isRunning).forEach((tool) => (tool.ok = false));
}

function isRunning(tool) {
  return tool.ok === null;
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
