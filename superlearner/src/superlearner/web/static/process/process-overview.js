/**
 * The tab Now of the detail pane: state, mailbox, message form and facts of a process.
 *
 * @module
 */

import { ApiError, info } from "../base/api.js";
import { attribute, make, renew } from "../base/dom.js";
import { ask } from "./process-asks.js";
import { style } from "../base/late.js";
import { LIVE_MS, Panel } from "./process-panel.js";
import { budgetSection, facts, mailboxSection, stateSection, strategySection, waitSection } from "./process-parts.js";
import { part } from "./process-tabs.js";

/** @import { MessageForm } from "./message-form.js" */
/** @import { Seen } from "./process-tabs.js" */
/** @import { Info } from "./process-parts.js" */

/** Memory and waits of a frequently changing process are read at most at this interval. */
const BESIDE_MS = 2000;

/** @extends {Panel<Info>} */
class SlOverview extends Panel {
  every = LIVE_MS;
  /** The current state, above the form that changes it. */ #holds = make("div", { class: "parts" });
  /** Memory and waits, read less often. @type {{pid: string, at: number, use: Info|null, ties: Info|null}|null} */ #beside = null;
  #facts = make("div", { class: "parts" });
  /** Loaded with the first process. @type {MessageForm|null} */ #form = null;
  /** @type {Promise<void>|null} */ #loading = null;

  connectedCallback() {
    this.content.replaceChildren(this.#holds, ...(this.#form ? [this.#form.element] : []), this.#facts);
    super.connectedCallback();
  }

  /** @override @param {string} pid @param {AbortSignal} signal */
  async read(pid, signal) {
    const [facts, beside] = await Promise.all([info(pid, signal), this.#besides(pid, signal)]);
    return { ...facts, use: beside.use, ties: beside.ties };
  }

  /** Return memory and waits, read recently. @param {string} pid @param {AbortSignal} signal */
  async #besides(pid, signal) {
    if (this.#beside?.pid === pid && performance.now() - this.#beside.at < BESIDE_MS) return this.#beside;
    const [use, ties] = await Promise.all([extra(ask(pid, "memory", {}, signal)), extra(ask(pid, "ties", {}, signal))]);
    return (this.#beside = { pid, at: performance.now(), use, ties });
  }

  /** @override */
  forget() {
    this.#form?.reset();
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const { row } = seen;
    const now = Date.now() / 1000 + seen.skew;
    attribute(this.closest("sl-process") ?? this, "data-loaded", this.known?.pid === row.pid && row.pid !== null ? row.pid : null);
    renew(this.#holds,
      [
        budgetSection(row, now), strategySection(row), waitSection(this.known?.["ties"] ?? null, seen.find), stateSection(row, this.known),
        mailboxSection(row, this.known),
      ].filter((one) => one !== null));
    renew(this.#facts, [facts(row, this.known, seen.find)]);
    if (this.#form) this.#form.show(seen.gone ? null : row.pid, row, this.readAt);
    else this.#loading ??= this.#load().catch(() => void (this.#loading = null)); // the next reading tries again
  }

  async #load() {
    const [{ MessageForm }] = await Promise.all([import("./message-form.js"), style("process/message-form.css")]);
    this.#form = new MessageForm(() => this.again(1));
    this.#holds.after(this.#form.element);
    this.renew();
  }
}

/** Return optional data; null if it is refused. @param {Promise<Info>} asked @returns {Promise<Info|null>} */
async function extra(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}

customElements.define("sl-overview", SlOverview);

part({ id: "overview", tab: "now", label: "Overview", place: 0, show: () => true, element: new SlOverview() });
