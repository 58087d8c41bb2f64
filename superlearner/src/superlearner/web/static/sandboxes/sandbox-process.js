/**
 * The process that is selected in the tree of the Playground: a form that sends it messages and shows the answer, its
 * state and its mailbox, beside the code.
 *
 * @module
 */

import { info } from "../base/api.js";
import { make, renew, write } from "../base/dom.js";
import { label } from "../live/model.js";
import { MessageForm } from "../process/message-form.js";
import { LIVE_MS, Panel } from "../process/process-panel.js";
import { mailboxSection, stateSection } from "../process/process-parts.js";
import { messagesIn } from "./known-messages.js";

/** @import { Info } from "../process/process-parts.js" */
/** @import { Seen } from "../process/process-tabs.js" */

/** @extends {Panel<Info>} */
export class SandboxProcess extends Panel {
  every = LIVE_MS;
  /** The node of the sandbox. */ node = "";
  #title = make("h3", { class: "who" });
  #holds = make("div", { class: "holds" });
  #offered = "";
  #form = new MessageForm(() => this.again(1), () => this.node);

  connectedCallback() {
    this.content.replaceChildren(this.#title, this.#form.element, this.#holds);
    super.connectedCallback();
  }

  /** @override @param {string} pid @param {AbortSignal} signal */
  read(pid, signal) {
    return info(pid, signal, this.node);
  }

  /** @override */
  forget() {
    this.#form.reset();
    this.#offered = "";
  }

  /** Remove the answer to the last message. */
  dropAnswer() {
    this.#form.dropAnswer();
  }

  /** Offer the messages in the code, which is read again only if it or the class is another one. @param {string} source */
  offer(source) {
    const what = this.seen?.row.what ?? "", offered = `${what}\n${source}`;
    if (offered === this.#offered) return;
    this.#offered = offered;
    this.#form.offer(what ? messagesIn(source, what) : []);
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const { row, gone } = seen;
    write(this.#title, `${label(row)}${row.pid && !label(row).endsWith(row.pid) ? ` ${row.pid}` : ""}`);
    renew(this.#holds, [
      row.kind === "supervisor"
        ? make("p", { class: "hint" }, "A supervisor takes no messages of yours. Select one of its children.")
        : null,
      stateSection(row, this.known), mailboxSection(row, this.known),
    ].filter((one) => one !== null));
    this.#form.show(gone ? null : row.pid, row, this.readAt);
  }
}

customElements.define("sl-sandbox-process", SandboxProcess);
