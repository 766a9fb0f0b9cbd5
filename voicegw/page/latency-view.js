import { latencySteps } from "../client/voicegw.js";

const NAMES = { endpoint: "end of speech", recognition: "recognition", model: "model", voice: "voice" };
const SHORTEST_SCALE_MS = 1_000;

/** Bars that show how long each step of a reply took. All bars have the same scale. */
export class LatencyView {
  #bars = [];
  #scaleMs = SHORTEST_SCALE_MS;

  /** A figure for this `latency` message; null when it has no steps. */
  figure(message) {
    const steps = latencySteps(message);
    if (steps.length === 0) return null;
    const totalMs = steps.reduce((sum, step) => sum + step.ms, 0);
    const bar = element("div", "bar");
    bar.append(...steps.map(({ name }) => element("span", name)));
    this.#bars.push({ bar, steps });
    this.#scaleMs = Math.max(this.#scaleMs, totalMs);
    this.#bars.forEach((drawn) => this.#draw(drawn));
    const caption = element("figcaption", "");
    caption.append(element("strong", "", `reply after ${seconds(totalMs)}`));
    caption.append(...steps.map(({ name, ms }) => element("span", `step ${name}`, `${NAMES[name]} ${seconds(ms)}`)));
    const figure = element("figure", "latency");
    figure.append(bar, caption);
    return figure;
  }

  #draw({ bar, steps }) {
    steps.forEach(({ ms }, index) => {
      bar.children[index].style.width = `${(100 * ms) / this.#scaleMs - 0.5}%`;
    });
  }
}

function seconds(ms) {
  return ms < 10 ? "< 0.01 s" : `${(ms / 1000).toFixed(2)} s`;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
