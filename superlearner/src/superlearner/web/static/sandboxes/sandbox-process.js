/**
 * The process that is selected in the tree of the Playground: a form that sends it messages and shows the answer, its
 * state and its mailbox, beside the code.
 *
 * @module
 */

import { info } from "../base/api.js";
import { byId, closest, make, renew, write } from "../base/dom.js";
import { label } from "../live/model.js";
import { MessageForm } from "../process/message-form.js";
import { LIVE_MS, Panel } from "../process/process-panel.js";
import { mailboxSection, stateSection } from "../process/process-parts.js";
import { messagesIn } from "../process/sent-messages.js";

/** @import { Row } from "../live/model.js" */
/** @import { Info } from "../process/process-parts.js" */
/** @import { Seen } from "../process/process-tabs.js" */

/** @extends {Panel<Info>} */
class SandboxProcess extends Panel {
  every = LIVE_MS;
  /** The node of the sandbox. */ node = "";
  #title = make("h3", { class: "who" });
  #holds = make("div", { class: "holds" });
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
  }

  /** Offer the messages in the code. @param {string} source */
  offer(source) {
    this.#form.offer(this.seen?.row.what ? messagesIn(source, this.seen.row.what) : []);
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
    this.#form.show(gone ? null : row.pid, row);
  }
}

customElements.define("sl-sandbox-process", SandboxProcess);

const panel = byId("process", SandboxProcess);
const none = byId("no-process", HTMLElement);
/** @type {string|null} */ let key = null;
/** The last data of the process, which stay when it has gone. @type {Row|null} */ let last = null;

/** @param {(key: string, part: string) => void} leave  opens a part of the process on the page of the tree */
export function wireProcess(leave) {
  panel.addEventListener("click", (event) => {
    const part = closest(event.target, "[data-part]");
    if (part && key) leave(key, part.dataset["part"] ?? "");
  });
}

/**
 * Select a process.
 * @param {string|null} chosen  its key
 * @param {ReadonlyMap<string, Row>} rows
 * @param {string} node
 * @param {number} skew
 */
export function selectProcess(chosen, rows, node, skew) {
  key = chosen;
  last = null;
  panel.node = node;
  followProcess(rows, skew);
}

/** Show the rows of the tree as they are now. @param {ReadonlyMap<string, Row>} rows @param {number} skew */
export function followProcess(rows, skew) {
  const row = key === null ? null : rows.get(key) ?? null;
  last = row ?? last;
  panel.hidden = last === null;
  none.hidden = last !== null;
  if (last === null) panel.leave();
  else panel.look({ row: last, gone: row === null, skew, find: (pid) => [...rows.values()].find((one) => one.pid === pid) });
}

/** Offer the messages in the code. @param {string} source */
export const offerFrom = (source) => panel.offer(source);
