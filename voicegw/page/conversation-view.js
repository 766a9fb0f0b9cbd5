import { LatencyView } from "./latency-view.js";

const ENDINGS = {
  interrupted: "interrupted",
  cancelled: "stopped",
  moderated: "stopped by moderation",
  failed: "failed",
};

/** Draws the turns of a conversation, and tells screen readers what is settled. */
export class ConversationView {
  #list = document.querySelector("#conversation");
  #welcome = document.querySelector("#welcome");
  #announcements = document.querySelector("#announcements");
  #latencies = new LatencyView();
  #items = new Map();

  /** Draws a turn that has changed. */
  draw(turn) {
    const item = this.#items.get(turn.id) ?? this.#add(turn);
    const wasAtEnd = isAtEnd();
    drawWords(item, turn);
    drawReply(item, turn);
    drawTools(item, turn);
    item.notices.textContent = turn.notices.join("\n");
    item.notices.hidden = turn.notices.length === 0;
    this.#drawLatency(item, turn);
    this.#announce(item, turn);
    this.#welcome.hidden = true;
    item.root.hidden = ["said", "reply", "tools", "notices"].every((part) => item[part].hidden);
    if (wasAtEnd) window.scrollTo({ top: document.body.scrollHeight });
  }

  #add(turn) {
    const root = element("li", "turn");
    const said = element("p", "said");
    const reply = element("p", "reply");
    const item = {
      root,
      said,
      stable: said.appendChild(element("span", "stable")),
      tentative: said.appendChild(element("span", "tentative")),
      tools: element("div", "tools"),
      notices: element("p", "notice"),
      reply,
      replyText: reply.appendChild(element("span", "reply-text")),
      ending: reply.appendChild(element("span", "ending")),
      figure: null,
      announced: new Set(),
    };
    root.append(said, item.tools, item.notices, reply);
    this.#list.append(root);
    this.#items.set(turn.id, item);
    return item;
  }

  #drawLatency(item, turn) {
    if (!turn.latency || item.figure || !turn.reply) return;
    item.figure = this.#latencies.figure(turn.latency);
    if (item.figure) item.root.append(item.figure);
  }

  #announce(item, turn) {
    if (turn.isFinal && !turn.isTyped && turn.text) this.#say(item, "you", `You: ${turn.text}`);
    if (turn.reason && turn.reply) this.#say(item, "reply", `Assistant: ${turn.reply}`);
  }

  #say(item, what, text) {
    if (item.announced.has(what)) return;
    item.announced.add(what);
    this.#announcements.append(element("p", "", text));
    while (this.#announcements.children.length > 5) this.#announcements.firstChild.remove();
  }
}

function drawWords(item, turn) {
  item.stable.textContent = turn.isFinal ? turn.text : turn.stable + turn.separator;
  item.tentative.textContent = turn.isFinal ? "" : turn.tentative;
  item.said.hidden = item.said.textContent === "";
}

function drawReply(item, turn) {
  const ending = ENDINGS[turn.reason];
  item.replyText.textContent = turn.reply;
  item.ending.textContent = ending ? ` (${ending})` : "";
  item.reply.hidden = !turn.reply && (!ending || !item.said.textContent);
}

function drawTools(item, turn) {
  item.tools.hidden = turn.tools.length === 0;
  item.tools.replaceChildren(...turn.tools.map(toolElement));
}

function toolElement({ name, arguments: given, content, ok }) {
  const details = element("details", "tool");
  details.dataset.ok = String(ok);
  const state = { null: "running", true: "done", false: "failed" }[ok];
  details.append(element("summary", "", `${name}: ${state}`));
  details.append(element("code", "", content ? `${given} → ${content}` : given));
  return details;
}

function isAtEnd() {
  return window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
