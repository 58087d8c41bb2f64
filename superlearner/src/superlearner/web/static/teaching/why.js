/**
 * `<sl-why>`: the chain of causes behind a restart, from the operation `error.why`.
 *
 * @module
 */

import { request } from "../base/api.js";
import { attribute, icon, make, renew, spoken } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { LIVE_MS, Panel } from "../process/process-panel.js";
import { offset } from "./signal-lanes.js";
import { budgetText, time, unlimited, withoutBudget } from "../base/words.js";

/** @import { Seen } from "../process/process-tabs.js" */
/** @typedef {Api.WhyStep} Step */

/** @extends {Panel<Api.Why>} */
export class SlWhy extends Panel {
  #list = make("ol", { class: "why-chain", "aria-label": "From the first cause to this process" });
  #problems = make("div", { hidden: true });
  #lead = make("p", { class: "hint" });
  #watch = make("a", { class: "btn", hidden: true }, "Watch this restart");

  connectedCallback() {
    super.connectedCallback();
    if (!this.#list.isConnected) this.content.append(make("section", {}, this.#problems, this.#lead, this.#list, this.#watch));
  }

  /** @override @param {string} pid @param {AbortSignal} signal @returns {Promise<Api.Why>} */
  read(pid, signal) {
    return request("GET", `/processes/${encodeURIComponent(pid)}/errors/why`, undefined, signal);
  }

  /** @override @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row.restarts !== before.row.restarts || seen.row.pid !== before.row.pid || seen.row.state !== before.row.state;
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const { known } = this;
    const active = (known?.problems ?? []).filter((one) => one.ref === null);
    this.every = active.length || seen.row.state === "stuck" ? LIVE_MS : 0; // its end changes no row
    this.#problems.hidden = !active.length || seen.row.pid !== this.readOf;
    renew(this.#problems, active.map((one) => make("ul", { class: "why-chain", "aria-label": "Problem now" },
      make("li", { "data-look": "stuck" }, icon("stuck", "glyph"), make("p", { class: "step" }, make("span", {}, ...spoken(one.line)))))));
    this.#list.hidden = !known?.steps.length;
    this.#lead.textContent = known ? lead(known) : "";
    this.#watch.hidden = !known?.restarted || !(known.steps[0] ?? known.stored);
    if (!known) return;
    const first = known.steps[0]?.at ?? 0;
    if (known.stored && !known.steps[0]) attribute(this.#watch, "href", whyAddress(known.stored.ref));
    if (known.steps[0]) attribute(this.#watch, "href", whyAddress(known.steps[0].event, undefined, known.steps[0].at));
    renew(this.#list, known.steps.map((step, place) => item(step, first, place, seen)));
  }
}

/** Return the sentence above the chain. @param {Pick<Api.Why, "known"|"alive"|"restarted"|"summary"|"pid"|"stored">} known */
export function lead(known) {
  if (!known.known && known.restarted) return `${known.summary}. The events around it are no longer in memory; the restart is stored.`;
  if (!known.known) return "Its start is no longer in memory: a node keeps its last 4,096 events.";
  if (!known.restarted) return `It has not been restarted. How it ${known.alive ? "was started" : "ended"}:`;
  return `Why ${known.pid} runs now, from the first cause:`;
}

/** Return the shape of a step. @param {Step} step */
function shape({ kind, crash }) {
  switch (kind) {
    case "exited":
    case "linked":
      return crash ? ["crashed", "crashed"] : ["stopped", "stopped"];
    case "gave_up":
      return ["gave-up", "gave_up"];
    case "restart_failed":
      return ["crashed", "crashed"];
    case "stopped":
      return ["stopped", "stopped"];
    case "child_restarted":
      return ["restarting", "restarting"];
    default:
      return ["running", "running"];
  }
}

/** @param {Step} step @param {number} first @param {number} place @param {Seen} seen */
function item(step, first, place, seen) {
  const [mark, look] = shape(step);
  const moment = place === 0 ? make("time", { datetime: new Date(step.at * 1000).toISOString(), title: "first cause" }, time(step.at))
    : make("time", { title: `${offset(Math.round((step.at - first) * 1e6))} after the first cause` },
      offset(Math.round((step.at - first) * 1e6)));
  return make("li", { "data-look": look, "data-kind": step.kind }, icon(mark ?? "stopped", "glyph"),
    make("div", { class: "step" }, make("p", {}, ...linked(told(step), seen)),
      source(step.line), lost(step), left(step), earlier(step)), moment);
}

/** Return the sentence of a step; the source line of a crash and the restarts that were left follow it. @param {Step} step */
function told(step) {
  const place = step.line ? `, at ${step.line.file}:${step.line.line} in ${step.line.function}` : "";
  const text = step.text.replace(place, "");
  return left(step) ? withoutBudget(text) : text;
}

/** @param {Api.WhyLine|null} line */
function source(line) {
  if (!line) return null;
  return make("figure", { class: "crash-line" }, make("figcaption", {}, `${line.file}:${line.line} in ${line.function}`),
    line.source
      ? make("pre", { tabindex: 0, "aria-label": `Line ${line.line} of ${line.file}` },
        make("span", { class: "no", "aria-hidden": "true" }, `${line.line}`),
        line.source)
      : null);
}

/** Return the messages that were lost with a process. @param {Step} step */
const lost = (step) => (step.lost ? make("p", { class: "left" }, `Lost with it: ${step.lost.text}`) : null);

/** Return the remaining restarts. @param {Step} step */
function left({ kind, used, allowed, window }) {
  if (kind !== "child_restarted" || used === null || typeof allowed !== "number" || unlimited({ max: allowed })) return null;
  const open = Math.max(0, allowed - used);
  return make("p", { class: "left" }, budgetText(open, { max: allowed, window_s: typeof window === "number" ? window : null }));
}

/** Return the ends that used up the restarts. @param {Step} step */
function earlier({ parties }) {
  const before = parties.filter((one) => one.role === "earlier");
  if (!before.length) return null;
  return make("ul", { class: "earlier", "aria-label": "Restarts that were used before" }, ...before.map((one) =>
    make("li", {}, make("time", {}, time(one.at)), ` ${one.name}${one.pid ? ` (${one.pid})` : ""}: ${one.reason ?? "ended"}`)));
}

/** Return a sentence with links for pids that are in the tree. @param {string} text @param {Seen} seen @returns {Node[]} */
function linked(text, seen) {
  return text.split(/<(\d+\.\d+\.\d+)>/).map((part, place) => {
    if (place % 2 === 0) return document.createTextNode(part);
    if (seen.find(part)) return make("button", { type: "button", class: "link pid-link", "data-goto": part }, part);
    return make("code", { title: "It has ended." }, part);
  });
}

customElements.define("sl-why", SlWhy);
