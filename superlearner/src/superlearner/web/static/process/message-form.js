/**
 * The form that sends a message to the process in the pane: JSON, with the reply of a call.
 *
 * @module
 */

import { ApiError, send } from "../base/api.js";
import { chosen, make, renew, write } from "../base/dom.js";
import { sentence } from "../base/words.js";
import { linedText, readMessage, unansweredText } from "./message-text.js";
import { remembered } from "./sent-messages.js";

/** @import { Kind, Message } from "./sent-messages.js" */

/** @type {Record<Kind, string>} */
const KINDS = { cast: "cast: no answer", call: "call: waits for the answer", send: "send: a plain message" };

export class MessageForm {
  /** @type {string|null} */ #pid = null;
  #kind = make("select", { "aria-label": "Kind of message" },
    ...Object.entries(KINDS).map(([value, text]) => make("option", { value }, text)));
  #text = make("input", {
    type: "text", "aria-label": "Message as JSON", placeholder: "A text, or JSON", autocomplete: "off", spellcheck: "false",
  });
  #button = make("button", { type: "submit", class: "btn" }, "Send");
  #answer = make("p", { class: "answer", role: "status" });
  #again = make("div", { class: "offers", role: "group", "aria-label": "Sent before" });
  #inCode = make("div", { class: "offers", role: "group", "aria-label": "In the code" });
  /** The process for which messages are remembered. */ #key = "";
  /** An answer that is shown until another process takes its place, or this one is read after `until`; and the text that follows it.
   * @type {{pid: string, until: number, then: string}|null} */ #passing = null;
  /** Counts messages and dropped answers: an answer to an earlier message is not shown. */ #turn = 0;
  /** Messages that the code knows. @type {readonly Message[]} */ #known = [];

  /**
   * @param {() => void} sent  called after sending, so that the pane reloads the state
   * @param {() => string} [node]  of the process
   */
  constructor(sent, node = chosen) {
    this.sent = sent;
    this.node = node;
    this.#again.onclick = this.#inCode.onclick = (event) => {
      const offer = event.target instanceof Element ? event.target.closest("button") : null;
      if (offer) this.#take(offer.dataset["kind"] ?? "cast", offer.dataset["text"] ?? "");
    };
    this.form = make("form", {}, this.#text, make("div", { class: "acts" }, this.#kind, this.#button),
      make("p", { class: "rules", id: "message-rules" },
        "A bare word is sent as a text; all else is JSON: 3, \"two words\", [\"add\", 3]. A list arrives as a tuple."),
      this.#answer, this.#again, this.#inCode);
    this.#text.setAttribute("aria-describedby", "message-rules");
    this.element = make("section", { class: "message" }, make("h3", {}, "Send a message"), this.form);
    this.form.onsubmit = (event) => {
      event.preventDefault();
      void this.#send();
    };
  }

  reset() {
    this.#text.value = "";
    this.dropAnswer();
  }

  /** Show no answer, not that of a message on its way either. */
  dropAnswer() {
    this.#turn += 1;
    this.#say("");
  }

  /**
   * @param {string|null} pid
   * @param {import("../live/model.js").Row} row
   * @param {number} readAt  the time at which the process was read last
   */
  show(pid, row, readAt) {
    this.#pid = pid;
    this.#key = row.key;
    if (this.#passing && (readAt > this.#passing.until || pid !== null && pid !== this.#passing.pid)) this.#say(this.#passing.then);
    this.#button.disabled = pid === null;
    this.element.hidden = row.kind === "supervisor";
    this.#offer();
  }

  /** Offer messages that the code of the process knows. @param {readonly Message[]} known */
  offer(known) {
    this.#known = known;
    this.#offer();
  }

  #offer() {
    const sent = remembered.of(this.node(), this.#key);
    fill(this.#again, "Sent before", sent);
    fill(this.#inCode, "In the code",
      this.#known.filter(({ kind, text }) => !sent.some((one) => one.kind === kind && one.text === text)));
  }

  /** Send a message that is offered. @param {string} kind @param {string} text */
  #take(kind, text) {
    this.#kind.value = kind;
    this.#text.value = text;
    void this.#send();
  }

  /** @param {string} text @param {boolean} [bad] */
  #say(text, bad = false) {
    this.#passing = null;
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
    const message = readMessage(this.#text.value);
    if (message === undefined) {
      this.#say('Expected JSON: a text in quotes, a number, or a list such as ["add", 3].', true);
      this.#text.focus();
      return;
    }
    const kind = /** @type {Kind} */ (this.#kind.value), pid = this.#pid, turn = this.#turn += 1;
    this.#say(kind === "call" ? "Waiting for the answer…" : "Sending…");
    remembered.add(this.node(), this.#key, { kind, text: this.#text.value.trim() });
    this.#offer();
    try {
      const answer = await send(pid, message, kind, this.node());
      if (turn !== this.#turn) return this.sent();
      this.#say(
        kind === "call" ? answered(answer?.reply ?? null) : answer?.warning ? `Sent: ${answer.warning}.` : "Sent.",
        Boolean(answer?.warning) || COROUTINE.test(String(answer?.reply)));
      if (answer?.warning && !answer.dropped) this.#passing = { pid, until: Date.now() / 1000, then: "Sent." };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (turn !== this.#turn) return this.sent();
      this.#say(error.code === "timeout" && kind === "call" ? unansweredText(error.message) : sentence(linedText(error.words)), true);
      if (error.code === "timeout") this.#passing = { pid, until: Infinity, then: "" };
    }
    this.sent();
  }
}

/** Show messages to choose from. @param {HTMLElement} group @param {string} title @param {readonly Message[]} messages */
function fill(group, title, messages) {
  group.hidden = messages.length === 0;
  renew(group, [
    make("span", {}, title),
    ...messages.map(({ kind, text }) =>
      make("button", { type: "button", class: "btn", "data-kind": kind, "data-text": text },
        make("b", {}, kind), " ", make("code", {}, text))),
  ]);
}

/** A reply that is a call to which nobody waited, as the platform writes it. */
const COROUTINE = /^<coroutine ([\w.]+)>$/;

/** @param {unknown} reply */
function answered(reply) {
  const call = COROUTINE.exec(String(reply))?.[1];
  return call ? `The answer is the coroutine ${call}: write await before this call in the code.` : `Answer: ${JSON.stringify(reply)}`;
}
