/**
 * The first tab of the detail pane: what one process is and holds, what can be said to it, and how the ones before it
 * in its place ended.
 *
 * @module
 */

import { info } from "./api.js";
import { attribute, make, renew } from "./dom.js";
import { MessageForm } from "./message-form.js";
import { Panel } from "./process-panel.js";
import { budgetSection, facts, links, past, stateSection } from "./process-parts.js";
import { tab } from "./process-tabs.js";

/** @typedef {import("./process-tabs.js").Seen} Seen */
/** @typedef {import("./process-parts.js").Info} Info */

/** @extends {Panel<Info>} */
export class SlOverview extends Panel {
  /** What it holds now, above the form that changes it. */ #holds = make("div", { class: "parts" });
  #facts = make("div", { class: "parts" });
  #form = new MessageForm(() => this.again(1));

  connectedCallback() {
    this.content.replaceChildren(this.#holds, this.#form.element, this.#facts);
    super.connectedCallback();
  }

  /** @override @param {string} pid @param {AbortSignal} signal */
  read(pid, signal) {
    return info(pid, signal);
  }

  /** @override */
  forget() {
    this.#form.reset();
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const { row } = seen;
    const now = Date.now() / 1000 + seen.skew;
    attribute(this.closest("sl-process") ?? this, "data-loaded", this.known?.pid === row.pid && row.pid !== null ? row.pid : null);
    renew(this.#holds, [budgetSection(row, now), stateSection(row, this.known)].filter((part) => part !== null));
    renew(this.#facts, [facts(row, this.known, now, seen.find), past(row, this.known), ...links(this.known, seen.find)].filter((part) => part !== null));
    this.#form.show(seen.gone ? null : row.pid, row);
  }
}

customElements.define("sl-overview", SlOverview);

tab({ id: "overview", label: "Overview", place: 0, show: () => true, element: new SlOverview() });
