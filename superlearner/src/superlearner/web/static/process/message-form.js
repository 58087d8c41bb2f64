/**
 * The form that sends a message to the process in the pane: JSON, with the reply of a call.
 *
 * @module
 */

import { ApiError, send } from "../base/api.js";
import { make, write } from "../base/dom.js";

/** @typedef {"cast"|"call"|"send"} Kind */

/** @type {Record<Kind, string>} */
const KINDS = { cast: "cast: no answer", call: "call: waits for the answer", send: "send: a plain message" };

export class MessageForm {
  /** @type {string|null} */ #pid = null;
  #kind = make("select", { "aria-label": "Kind of message" },
    ...Object.entries(KINDS).map(([value, text]) => make("option", { value }, text)));
  #text = make("input", {
    type: "text", "aria-label": "Message as JSON", placeholder: '"increment" or ["add", 3]', autocomplete: "off", spellcheck: "false",
  });
  #button = make("button", { type: "submit", class: "btn" }, "Send");
  #answer = make("p", { class: "answer", role: "status" });

  /** @param {() => void} sent  called after sending, so that the pane reloads the state */
  constructor(sent) {
    this.sent = sent;
    this.form = make("form", {}, this.#text, make("div", { class: "acts" }, this.#kind, this.#button),
      make("p", { class: "rules", id: "message-rules" },
        "A bare word is sent as a text; all else is JSON: 3, \"two words\", [\"add\", 3]. A list arrives as a tuple."),
      this.#answer);
    this.#text.setAttribute("aria-describedby", "message-rules");
    this.element = make("section", { class: "message" }, make("h3", {}, "Send a message"), this.form);
    this.form.onsubmit = (event) => {
      event.preventDefault();
      void this.#send();
    };
  }

  reset() {
    this.#text.value = "";
    this.#say("");
  }

  /** @param {string|null} pid @param {import("../live/model.js").Row} row */
  show(pid, row) {
    this.#pid = pid;
    this.#button.disabled = pid === null;
    this.element.hidden = row.kind === "supervisor";
  }

  /** @param {string} text @param {boolean} [bad] */
  #say(text, bad = false) {
    write(this.#answer, text);
    this.#answer.dataset.level = bad ? "bad" : "ok";
  }

  async #send() {
    if (this.#pid === null) return;
    if (!this.#text.value.trim()) {
      this.#say("Type a message first.", true);
      this.#text.focus();
      return;
    }
    const message = parse(this.#text.value);
    if (message === undefined) {
      this.#say('Expected JSON: a text in quotes, a number, or a list such as ["add", 3].', true);
      this.#text.focus();
      return;
    }
    const kind = /** @type {Kind} */ (this.#kind.value);
    this.#say(kind === "call" ? "Waiting for the answer…" : "Sending…");
    try {
      const answer = await send(this.#pid, message, kind);
      this.#say(
        kind === "call" ? `Answer: ${JSON.stringify(answer?.reply ?? null)}` : answer?.warning ? `Sent: ${answer.warning}.` : "Sent.",
        Boolean(answer?.warning));
    } catch (error) {
      if (error instanceof ApiError) this.#say(error.words, true);
      else throw error;
    }
    this.sent();
  }
}

/**
 * Parse JSON or a bare word, which is a string. Undefined: neither.
 * @param {string} text
 * @returns {unknown}
 */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return /^[A-Za-z_]\w*$/.test(text.trim()) ? text.trim() : undefined;
  }
}
