/** What the page says about errors: title and text by code. Other codes have the text of the server. */
const PROBLEMS = {
  denied: [
    "The microphone is not allowed",
    "Allow it for this page in the browser, beside the address, and press Talk again. Until then you can type.",
  ],
  insecure: [
    "The microphone needs a secure address",
    "Browsers allow the microphone only where the address begins with https://, or on this machine at " +
      "http://localhost. Open this page at such an address. Here you can type, and replies are not spoken.",
  ],
  missing: ["No microphone was found", "Connect one, or choose another under Settings. Until then you can type."],
  busy: ["The microphone cannot be opened", "Close the program that uses it, and press Talk again."],
  stopped: ["The microphone has stopped", "Press Talk to go on, or choose another microphone under Settings."],
  token_missing: ["A token is needed", "This server asks for an access token. It is kept until you close this page."],
  token_invalid: ["The token was not accepted", "Enter another access token."],
  token_expired: ["The token has expired", "Enter a new access token to go on."],
  token_used: ["The token was used before", "It is valid for one session. Enter a new access token."],
  unreachable: ["The server does not answer", "Check the network. Press Talk or send a message to try again."],
  not_ready: ["The server is not ready yet", "It is probably loading its models. Press Talk or send a message again."],
  at_capacity: ["The server is busy", "It has as many conversations as it can take. Try again in a minute."],
  draining: ["The server is restarting", "The page connects again by itself."],
  idle_timeout: ["The session has ended", "Nothing was said for a while. Press Talk or send a message to go on."],
  origin_refused: ["This address is not allowed", "The server accepts no sessions from pages at this address."],
};

const OF_TOKENS = new Set(["token_missing", "token_invalid", "token_expired", "token_used"]);

/** Shows one problem at a time, with a field for a token where one is needed. */
export class ProblemView {
  #section;
  #form;

  /** onToken: gets the token that was entered. */
  constructor(document, onToken) {
    this.#section = document.querySelector("#problem");
    this.#form = document.querySelector("#token-form");
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const field = this.#form.querySelector("input");
      onToken(field.value.trim());
      field.value = "";
    });
  }

  show({ code, message }) {
    const [title, text] = PROBLEMS[code] ?? ["Something went wrong", message];
    this.#section.querySelector("h2").textContent = title;
    this.#section.querySelector("p").textContent = text;
    this.#form.hidden = !OF_TOKENS.has(code);
    this.#section.hidden = false;
    if (!this.#form.hidden) this.#form.querySelector("input").focus();
  }

  clear() {
    this.#section.hidden = true;
  }
}
