/**
 * `<sl-kinds>`: the filter of the events by kind, as chips with counts. Event: `sl-kinds` (detail: the kinds).
 *
 * @module
 */

import { attribute } from "../base/dom.js";
import { number } from "../base/words.js";
import { html, render } from "../vendor/lit-html.js";
import { KINDS } from "./kinds.js";

/** @import { Kind } from "./kinds.js" */

export class SlKinds extends HTMLElement {
  connectedCallback() {
    attribute(this, "role", "group");
    attribute(this, "aria-label", "Filters");
  }

  /** @param {readonly Kind[]} kinds  those that are shown @param {Readonly<Record<Kind, number>>|null} counts  null: not known */
  show(kinds, counts) {
    const toggle = (/** @type {Kind} */ kind) => {
      const detail = kinds.includes(kind) ? kinds.filter((one) => one !== kind) : [...kinds, kind];
      this.dispatchEvent(new CustomEvent("sl-kinds", { detail }));
    };
    render(html`${Object.entries(KINDS).map(([kind, { text, title }]) => {
      const one = /** @type {Kind} */ (kind);
      return html`<button type="button" class="chip" title=${title} aria-pressed=${String(kinds.includes(one))}
        @click=${() => toggle(one)}><span>${text}</span> <b>${counts ? number(counts[one]) : "–"}</b></button>`;
    })}`, this);
  }
}

customElements.define("sl-kinds", SlKinds);
