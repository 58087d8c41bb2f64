/**
 * `<sl-process>`: the details of the selected process. Data from the tree is shown at once; tabs read the rest when
 * they are shown. The tabs are registered in process-tabs.js.
 *
 * Events: `sl-goto` (pid or key), `sl-kill` ({key, reason}), `sl-start` (key), `sl-hold` and `sl-bulk` ({key, action}), `sl-close`.
 *
 * @module
 */

import { attribute, closest, icon, make, reshape, write } from "../base/dom.js";
import { shapeOf } from "../base/marks.js";
import { label } from "../live/model.js";
import { startableState } from "../tree/outline.js";
import "./process-more.js";
import "./process-overview.js";
import { TabBar } from "./process-tab-bar.js";
import { duration, overText, stateText, time } from "../base/words.js";

/** @import { Row } from "../live/model.js" */
/** @typedef {ReturnType<typeof import("../tree/bulk-plan.js").offers>} Offers */

/** Seconds that the details of a process stay after its end: its successor is mostly there by then. */
const SETTLED_S = 1;

export class SlProcess extends HTMLElement {
  /** @type {Row|null} */ #row = null;
  #clock = 0;
  #skew = 0;
  #node = "";
  #gone = false;

  #glyph = icon("running", "glyph");
  #title = make("h2", { id: "process-title", tabindex: -1 });
  #state = make("span", { class: "tag" });
  #sub = make("p", { class: "sub" });
  #kill = make("button", { type: "button", class: "btn danger" }, "Kill");
  #reason = make("select", { "aria-label": "Exit reason" },
    ...["kill", "shutdown", "normal"].map((reason) => make("option", { value: reason }, reason)));
  #plain = make("p", { class: "plain", hidden: true });
  #start = make("button", { type: "button", class: "btn", hidden: true }, "Start");
  #with = make("span", { class: "with" }, "with reason");
  #hold = this.#act("Suspend", "sl-hold", () => this.#offered.suspend);
  #restart = this.#act("Restart", "sl-bulk", () => "restart");
  #terminate = this.#act("Terminate", "sl-bulk", () => "terminate");
  /** @type {Offers} */ #offered = { suspend: null, restart: false, terminate: false };
  #tabs = new TabBar((id) => attribute(this, "data-tab", id));
  #pane = make("div", { class: "pane", hidden: true },
    make("header", {}, make("div", { class: "title" }, this.#glyph, this.#title, this.#state,
      this.#button("close", "Close the details", () => this.dispatchEvent(new CustomEvent("sl-close")))), this.#sub,
    make("div", { class: "acts" }, this.#start, this.#kill, this.#with, this.#reason),
    make("div", { class: "acts" }, this.#hold, this.#restart, this.#terminate),
    this.#tabs.line),
    this.#plain, this.#tabs.panels);

  /** Return the row of a pid. @type {(pid: string) => Row|undefined} */
  find = () => undefined;
  /** Return what can be done with a row besides kill and start. @type {(row: Row) => Offers} */
  offers = () => ({ suspend: null, restart: false, terminate: false });

  connectedCallback() {
    if (this.#pane.isConnected) return;
    this.append(this.#pane);
    this.#kill.onclick = () =>
      this.#row && this.dispatchEvent(new CustomEvent("sl-kill", { detail: { key: this.#row.key, reason: this.#reason.value } }));
    this.#start.onclick = () => this.#row && this.dispatchEvent(new CustomEvent("sl-start", { detail: this.#row.key }));
    this.#pane.onclick = (event) => {
      const target = closest(event.target, "[data-goto]");
      if (target instanceof HTMLElement) this.dispatchEvent(new CustomEvent("sl-goto", { detail: target.dataset.goto }));
    };
  }

  /** @param {string} shape @param {string} label @param {() => void} run */
  #button(shape, label, run) {
    const button = make("button", { type: "button", class: "btn quiet square", "aria-label": label, title: label }, icon(shape));
    button.onclick = run;
    return button;
  }

  /** @param {string} text @param {string} event @param {() => string|null} action */
  #act(text, event, action) {
    const button = make("button", { type: "button", class: "btn", hidden: true }, text);
    button.onclick = () => this.#row && this.dispatchEvent(new CustomEvent(event, { detail: { key: this.#row.key, action: action() } }));
    return button;
  }

  /** The key of the displayed process. */
  get key() {
    return this.#row?.key ?? null;
  }

  /** Focus the title, for keyboard and screen reader. */
  enter() {
    this.#title.focus();
  }

  /**
   * Show a row, or nothing for null.
   * @param {Row|null} row
   * @param {number} skew
   * @param {string} node  the name of its node
   */
  show(row, skew, node) {
    this.#skew = skew;
    this.#node = node;
    if (row === this.#row) return;
    const before = this.#row;
    const other = row?.key !== before?.key;
    this.#row = row;
    this.#gone = false;
    attribute(this, "data-open", row !== null);
    this.#pane.hidden = row === null;
    if (other) this.scrollTop = 0;
    if (row === null) this.#tabs.hide();
    else this.#paint(other);
  }

  /** Mark the row as removed from the tree, but keep its data. */
  lost() {
    if (this.#gone) return;
    this.#gone = true;
    this.#paint();
  }

  /** @param {boolean} [other]  whether another process was shown before */
  #paint(other = false) {
    const row = this.#row;
    if (!row) return;
    const now = Date.now() / 1000 + this.#skew;
    const state = this.#gone ? "stopped" : row.state;
    attribute(this, "data-key", row.key);
    attribute(this, "data-kind", row.kind);
    attribute(this, "data-state", state);
    attribute(this, "data-pid", row.pid ?? "");
    reshape(this.#glyph, shapeOf(row, state));
    const name = label(row);
    write(this.#title, name);
    const failed = row.pid === null && row.last?.start ? "; its last start failed" : "";
    write(this.#state, this.#gone ? "gone" : `${stateText(row, now)}${failed}`);
    const told = row.pid !== null && name.endsWith(` ${row.pid}`); // "Order 0.46.0" contains class and pid
    write(this.#sub, [...(told ? [] : [row.pid ?? "no process", row.what]), row.strategy ?? row.kind].filter(Boolean).join("  ·  "));
    const dead = row.pid === null || this.#gone;
    this.#kill.disabled = this.#reason.disabled = dead;
    const startable = !this.#gone && startableState(row) && !isPassing(row, now);
    for (const one of [this.#kill, this.#with, this.#reason]) one.hidden = this.#gone || (dead && startable);
    this.#start.hidden = !startable;
    const stays = !this.#gone && !other && isPassing(row, now); // what is shown stays, so that nothing moves
    if (!stays) this.#offered = dead ? { suspend: null, restart: false, terminate: false } : this.offers(row);
    const offered = this.#offered;
    write(this.#hold, offered.suspend === "resume" ? "Resume" : "Suspend");
    for (const [button, there] of /** @type {[HTMLButtonElement, boolean][]} */ ([
      [this.#hold, offered.suspend !== null], [this.#restart, offered.restart], [this.#terminate, offered.terminate],
    ])) {
      button.disabled = dead;
      button.hidden = !there;
      button.setAttribute("aria-label", `${button.textContent} ${name}`);
    }
    this.#kill.setAttribute("aria-label", `Kill ${name}`);
    this.#start.setAttribute("aria-label", `Start ${name}`);
    const plain = this.#gone
      ? "This process has ended and is not in the tree any more. Its successor, if there is one, has a row of its own."
      : plainWords(row, now);
    write(this.#plain, plain);
    this.#plain.hidden = plain === "";
    if (stays) return void this.#wake(row, now);
    this.#tabs.show({ row, gone: this.#gone, skew: this.#skew, node: this.#node, find: (pid) => this.find(pid) });
    this.#wake(row, now);
  }

  /** Schedule a repaint while a countdown is running. @param {Row} row @param {number} now */
  #wake(row, now) {
    clearTimeout(this.#clock);
    const counting = isPassing(row, now) || (row.budget?.resets_at ?? 0) > now || (row.again_at ?? 0) > now || row.state === "stuck";
    if (counting && !this.#gone) this.#clock = setTimeout(() => this.#paint(), row.state === "stuck" ? 1000 : 200);
  }
}

/** Return whether a process has only just ended: a restart takes a moment. @param {Row} row @param {number} now */
const isPassing = (row, now) => (row.pid === null || row.state === "exiting" || row.state === "restarting")
  && !row.again_at && now - row.since < SETTLED_S;

/**
 * Return an explanation of the state if it needs one.
 * @param {Row} row
 * @param {number} now
 */
function plainWords(row, now) {
  const wait = Math.ceil((row.again_at ?? now) - now);
  const again = row.again_at ? (wait > 0 ? ` It starts again in ${wait} s.` : " It is being started again.") : "";
  if (isPassing(row, now)) return "";
  switch (row.state) {
    case "stuck":
      return `Not answering since ${time(row.since)} (${duration(Math.max(1, Math.floor(now - row.since)))}`
        + `)${row.doing ? `: ${row.doing} has not returned` : ""}. Messages wait in its mailbox; Kill ends it at once.`;
    case "suspended":
      return `Suspended since ${time(row.since)}${row.doing ? ` by ${row.doing}` : ""}. Messages wait in its mailbox until it is resumed.`;
    case "gave_up":
      return `${label(row)} gave up${row.budget ? `: ${overText([row.budget.max, row.budget.window_s])}` : ""}.${again}`;
    case "restarting":
      return `Being restarted by its supervisor.${again}`;
    case "crashed":
      return "Ended by a failure. Its supervisor does not start it again.";
    case "exiting":
      return "Shutting down: its cleanup is still running.";
    default:
      return "";
  }
}

customElements.define("sl-process", SlProcess);
