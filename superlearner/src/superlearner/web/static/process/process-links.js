/**
 * The tab Relations of the detail pane: links, monitors, children, waits and ancestors of a process, with the effect of
 * its end on each.
 *
 * @module
 */

import { closest, icon, make, renew } from "../base/dom.js";
import { info } from "../base/api.js";
import { ask } from "./process-asks.js";
import { LIVE_MS, Panel } from "./process-panel.js";
import { ancestors, link, waitSection } from "./process-parts.js";
import { number } from "../base/words.js";
import { has } from "./process-tabs.js";

/** @import { Seen } from "./process-tabs.js" */
/** @import { Party } from "./process-parts.js" */

/** Arrow and text for each kind of relation, seen from this process. @type {Record<string, [string, string]>} */
const KINDS = {
  supervisor: ["↑", "its supervisor"], child: ["↓", "a child of it"], link: ["↔", "linked"],
  monitored_by: ["←", "watches it"], monitors: ["→", "is watched by it"],
};

/** Shape for each effect. @type {Record<string, string>} */
const SHAPES = { dies: "crashed", told: "running", restarts: "restarting", nothing: "stopped" };

/** @extends {Panel<Api.Ties & {ancestors: Party[]}>} */
export class SlLinks extends Panel {
  every = LIVE_MS;
  /** The effects of its end are shown: they are what Predict asks. */ #answered = false;

  connectedCallback() {
    super.connectedCallback();
    this.content.onclick = (event) => {
      if (!closest(event.target, "[data-answer]")) return;
      this.#answered = true;
      this.renew();
      this.content.querySelector("button")?.focus(); // the one that was pressed is gone
    };
  }

  /** @override */
  forget() {
    this.#answered = false;
  }

  /** @override @param {string} pid @param {AbortSignal} signal */
  async read(pid, signal) {
    const [ties, facts] = await Promise.all([ask(pid, "ties", {}, signal), info(pid, signal)]);
    return { ...ties, ancestors: facts["ancestors"] ?? [] };
  }

  /** @override @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row.pid !== before.row.pid || seen.row.state !== before.row.state || seen.row.children !== before.row.children;
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const told = this.known;
    if (!told) return renew(this.content, [ways(seen.row)]);
    const open = this.#answered || !has("predict", seen.row);
    const waits = waitSection(told, seen.find);
    const one = (/** @type {Api.Tie} */ tie) => {
      const [arrow, words] = KINDS[tie.kind] ?? ["", tie.kind];
      return make("li", { "data-fate": open ? tie.fate : null },
        make("span", { class: "arrow", "aria-hidden": "true" }, arrow),
        make("p", {}, link(tie, seen.find), " ", make("small", {}, words)),
        open ? make("p", { class: "fate" }, icon(SHAPES[tie.fate] ?? "stopped", "glyph"), tie.effect) : null);
    };
    const answer = () => make("button", { type: "button", class: "btn", "data-answer": true }, "Show the effects");
    renew(this.content, [
      make("section", {}, open ? make("p", { class: "depth" }, summary(told.ties)) : null, make("p", { class: "hint" }, told.traps
        ? "It traps exits itself: when a linked process ends, it gets a message and lives on."
        : "It does not trap exits: when a linked process fails, it ends as well.")),
      ways(seen.row, open || !told.ties.length ? null : answer()),
      ...(waits ? [waits] : []),
      make("section", {},
        make("h3", {}, told.ties.length && open ? "If this process ended" : "Ties"),
        told.ties.length ? make("ul", { class: "ties" }, ...told.ties.map(one))
          : make("p", { class: "hint" }, "No process is linked to it and none monitors it, so its end affects no other process."),
      told.more ? make("p", { class: "hint" }, `and ${number(told.more)} more`) : null),
      ...[ancestors(told, seen.find)].filter((one) => one !== null)]);
  }
}

/**
 * Return buttons to what explains its end.
 * @param {import("../live/model.js").Row} row
 * @param {HTMLElement|null} [answer]  shows the effects
 */
function ways(row, answer = null) {
  const open = (/** @type {string} */ id, /** @type {string} */ words) =>
    (has(id, row) ? make("button", { type: "button", class: "btn", "data-part": id }, words) : null);
  return make("section", {},
    make("div", { class: "acts" }, open("predict", "Predict a restart"), open("strategy", "Compare strategies"), answer));
}

/** Summarise the effects of its end in a sentence. @param {Api.Tie[]} ties */
function summary(ties) {
  const count = (/** @type {string} */ fate) => ties.filter((one) => one.fate === fate).length;
  const words = [[count("dies"), "would end with it"], [count("told"), "would get a message"]].filter(([many]) => many).map(
    ([many, text]) => `${number(Number(many))} ${text}`);
  const above = ties.find((one) => one.kind === "supervisor");
  if (above && above.fate === "restarts") words.push(`${above.name ?? "its supervisor"} would start it again`);
  return words.length ? `${words.join(", ")}.` : "Its end would affect no other process.";
}

customElements.define("sl-links", SlLinks);
