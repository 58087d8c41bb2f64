/**
 * `<sl-strategy>`: a supervisor's tab that explains its strategy for its own children, compares the three strategies,
 * and changes strategy, intensity and period at runtime.
 *
 * @module
 */

import { ApiError, request } from "../base/api.js";
import { attribute, breakable, closest, icon, make, renew } from "../base/dom.js";
import { Panel } from "../process/process-panel.js";
import { childrenOf, fates, isDynamic, STATIC } from "./strategy-rules.js";
import { confirmAsAdmin } from "../shell/admin.js";
import { model, watch } from "../tree/watching.js";
import { budgetText, counted, duration, number, STRATEGIES } from "../base/words.js";

/** @import { Seen } from "../process/process-tabs.js" */
/** @import { Fate } from "./strategy-rules.js" */
/**
 * @typedef {{strategy: string, max_restarts: number|"infinity", max_seconds: number|"infinity", auto_shutdown: string,
 *   restarts_used: number}} Flags
 */

/** Limit of children in the picture; the rest is counted. */
const MOST = 12;

/** @type {Record<Fate, [string, string]>} */
const SHAPES = { restarts: ["restarting", "restarts"], stays: ["running", "stays up"], gone: ["stopped", "stays down"] };

/** @extends {Panel<Flags>} */
export class SlStrategy extends Panel {
  /** @type {string|null} */ #chosen = null;
  /** @type {string|null} */ #victim = null;
  /** @type {{text: string, bad: boolean}|null} */ #said = null;
  /** The process that is shown. @type {{pid: string, key: string, strategy: string|null}|null} */ #of = null;
  #busy = false;
  /** Fields changed by the user, which new data does not overwrite. @type {Set<EventTarget|null>} */ #typed = new Set();
  #intensity = make("input", {
    type: "text", inputmode: "numeric", id: "intensity", size: 4, autocomplete: "off", spellcheck: "false",
    "aria-describedby": "limits-said",
  });
  #period = make("input", {
    type: "text", inputmode: "decimal", id: "period", size: 4, autocomplete: "off", spellcheck: "false", "aria-describedby": "limits-said",
  });
  #set = make("button", { class: "btn", disabled: true }, "Set");
  #form = make("form", { class: "limits", novalidate: true },
    make("label", { for: "intensity" }, "At most"), this.#intensity, make("span", {}, "restarts in"),
    make("label", { class: "vh", for: "period" }, "Seconds in which restarts count"), this.#period, make("span", {}, "s"),
    this.#set);
  #limits = make("section", {}, make("h3", {}, "Intensity and period"), this.#form, make("p", { class: "hint", id: "limits-said" }));
  #picture = make("section", { class: "fates" });
  #answer = make("p", { class: "strategy-said", role: "status" });

  connectedCallback() {
    super.connectedCallback();
    if (this.#picture.isConnected) return;
    this.content.append(this.#picture, this.#limits, this.#answer);
    this.#picture.onclick = (event) => this.#pressed(event.target);
    this.#form.oninput = (event) => void this.#typed.add(event.target);
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      void this.#limit();
    };
    watch(() => this.isConnected && this.seen && this.content.offsetParent && this.renew());
  }

  /** @override @param {string} pid @param {AbortSignal} signal @returns {Promise<Flags>} */
  read(pid, signal) {
    return request("GET", `/supervisors/${encodeURIComponent(pid)}/flags`, undefined, signal);
  }

  /** @override @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row.strategy !== before.row.strategy || seen.row.budget?.max !== before.row.budget?.max
      || seen.row.budget?.window_s !== before.row.budget?.window_s;
  }

  /** @override */
  forget() {
    this.#chosen = this.#victim = this.#said = null;
    this.#intensity.value = this.#period.value = "";
    this.#typed.clear();
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const { row } = seen;
    const before = this.#of;
    if (row.pid !== null) this.#of = { pid: row.pid, key: row.key, strategy: row.strategy };
    if (before && row.pid !== null && before.pid !== row.pid && !this.#said?.bad) {
      const back = before.key === row.key && before.strategy !== row.strategy; // its successor follows its code
      this.#said = back ? { text: `It was restarted, so the strategy of its code applies again: ${row.strategy}.`, bad: false } : null;
    }
    const children = childrenOf(model(), row.key);
    // With the second one, the strategies differ
    if (!children.some(({ key }) => key === this.#victim)) this.#victim = (children[1] ?? children[0])?.key ?? null;
    const current = row.strategy ?? "one_for_one";
    renew(this.#picture, isDynamic(current) ? this.#fixed(current) : this.#compared(current, children));
    this.#paintLimits();
    write(this.#answer, this.#said);
  }

  /** @param {string} current */
  #fixed(current) {
    return [make("h3", {}, current), make("p", {}, STRATEGIES[current] ?? ""),
      make("p", { class: "hint" },
        "Its strategy cannot be changed while it runs: its children are all of one kind and have no order, so a restart never affects a "
          + "sibling. Intensity and period can be changed.")];
  }

  /** @param {string} current @param {import("./strategy-rules.js").Child[]} children @returns {Node[]} */
  #compared(current, children) {
    const chosen = this.#chosen ?? current;
    if (!children.length)
      return [
        make("h3", {}, "Strategy"), this.#choice(current, chosen),
        make("p", { class: "hint" }, "It has no children yet. Once it does, this shows which ones restart when one is killed."),
      ];
    const columns = STATIC.map((strategy) => ({ strategy, fate: fates(strategy, children, this.#victim ?? "") }));
    const head = make("tr", {}, make("th", { scope: "col" }, "Child"), ...columns.map(({ strategy }) =>
      make("th", { scope: "col", "data-now": strategy === current, "data-chosen": strategy === chosen }, ...breakable(strategy))));
    const rows = children.slice(0, MOST).map((child) => make("tr", {}, who(child, child.key === this.#victim),
      ...columns.map(({ strategy, fate }) => cell(fate.get(child.key) ?? "stays", strategy === chosen))));
    const sums = make("tr", {}, make("th", { scope: "row" }, "Restarted"), ...columns.map(({ strategy, fate }) =>
      make("td", { "data-chosen": strategy === chosen },
        `${number([...fate.values()].filter((one) => one === "restarts").length)} of ${number(children.length)}`)));
    const more = children.length - MOST;
    const used = this.known?.auto_shutdown && this.known.auto_shutdown !== "never"
      ? `If ${this.known.auto_shutdown === "any_significant" ? "a significant child ends" : "all significant children have ended"} for `
        + `good, this supervisor stops the others and ends.`
      : "";
    return [make("h3", {}, "Strategy"), this.#choice(current, chosen), make("p", { class: "meaning" }, STRATEGIES[chosen] ?? ""),
      this.#victims(children),
      make("table", { class: "fate-table" },
        make("caption", { class: "vh" }, "Which children restart under each strategy"),
        make("thead", {}, head), make("tbody", {}, ...rows), make("tfoot", {}, sums)),
      make("p", { class: "hint" },
        [
          more > 0 ? `And ${counted(more, "more child", "more children")}.` : "",
          "The children are listed in start order. This applies until the restart limit is reached.", used,
          "A change lasts until this supervisor restarts; then its code applies again.",
        ]
          .filter(Boolean)
          .join(" "))];
  }

  /** @param {string} current @param {string} chosen */
  #choice(current, chosen) {
    const group = make("div", { class: "segmented", role: "group", "aria-label": "Strategy" }, ...STATIC.map((strategy) =>
      make("button", { type: "button", "aria-pressed": String(strategy === chosen), "data-strategy": strategy }, strategy)));
    const change = chosen === current
      ? null
      : make("button", { type: "button", class: "btn primary", "data-change": chosen, disabled: this.#busy },
        this.#busy ? "Changing…" : `Change to ${chosen}`);
    return make("div", { class: "choice" }, group, change);
  }

  /** Return the choice of the child that ends. @param {import("./strategy-rules.js").Child[]} children */
  #victims(children) {
    return make("div", { class: "victims" }, make("span", {}, "If this child is killed:"),
      make("div", { class: "segmented", role: "group", "aria-label": "Child that is killed" },
        ...children.slice(0, MOST)
          .map(({ key, label }) =>
            make("button", { type: "button", "data-pick": key, "aria-pressed": String(key === this.#victim) }, label))));
  }

  /** @param {EventTarget|null} target */
  #pressed(target) {
    const button = closest(target, "button");
    const { strategy, pick, change } = button?.dataset ?? {};
    if (change !== undefined) return void this.#change(change);
    if (pick !== undefined) {
      this.#victim = pick;
      this.#again(`[data-pick="${CSS.escape(pick)}"]`);
    } else if (strategy !== undefined) {
      this.#chosen = strategy === this.seen?.row.strategy ? null : strategy;
      this.#said = null;
      this.#again(`[data-strategy="${strategy}"]`);
    }
  }

  /** Redraw and restore the focus. @param {string} place */
  #again(place) {
    this.renew();
    const found = this.querySelector(place);
    if (found instanceof HTMLElement) found.focus();
  }

  #paintLimits() {
    const { known } = this;
    for (const [field, value] of /** @type {const} */ ([[this.#intensity, known?.max_restarts], [this.#period, known?.max_seconds]])) {
      field.disabled = known === null; // otherwise the value would arrive while the user is typing
      if (known && !this.#typed.has(field)) field.value = String(value);
    }
    this.#set.disabled = known === null || this.#busy;
    const said = this.#limits.lastElementChild;
    if (said) said.textContent = known ? limitWords(known) : "";
  }

  /** @param {string} strategy */
  async #change(strategy) {
    if (await this.#ask("PUT", "strategy", { strategy },
      `The strategy is ${strategy} now. It applies when the next child ends; running children are not affected.`))
      this.#chosen = null;
    this.#again("[data-strategy][aria-pressed=true]");
  }

  async #limit() {
    const restarts = amount(this.#intensity.value, true);
    const seconds = amount(this.#period.value, false);
    if (restarts === null || seconds === null) {
      const text = restarts === null
        ? "Restarts: expected a whole number from 0 on, or infinity."
        : "Seconds: expected a number above 0, or infinity.";
      this.#said = { text, bad: true };
      (restarts === null ? this.#intensity : this.#period).focus();
      this.renew();
      return;
    }
    if (await this.#ask("PUT", "flags", { max_restarts: restarts, max_seconds: seconds }, "Set. Restarts that were counted stay counted."))
      this.#typed.clear();
    this.renew();
  }

  /**
   * Request a change; an error is shown beside the form.
   * @param {string} method
   * @param {string} what
   * @param {Record<string, unknown>} body
   * @param {string} done
   * @returns {Promise<boolean>}
   */
  async #ask(method, what, body, done) {
    const pid = this.seen?.row.pid;
    if (!pid) return false;
    this.#busy = true;
    this.renew();
    try {
      this.known = /** @type {Flags} */ (await this.#forced(method, `/supervisors/${encodeURIComponent(pid)}/${what}`, body));
      this.#said = { text: done, bad: false };
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#said = { text: error.code === "given_up" ? "Nothing was changed." : error.words, bad: error.code !== "given_up" };
      return false;
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Change a protected supervisor after a confirmation.
   * @param {string} method
   * @param {string} path
   * @param {Record<string, unknown>} body
   */
  async #forced(method, path, body) {
    try {
      return await request(method, path, body);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "critical_process_protection") throw error;
      if (!(await confirmAsAdmin("Change what the platform needs?",
        `${error.message}. A strategy that does not fit may end SuperLearner at the next crash.`,
        "Change it")))
        throw new ApiError("given_up", "", "", 0);
      return request(method, path, { ...body, force: true });
    }
  }
}

/** @param {import("./strategy-rules.js").Child} child @param {boolean} victim */
const who = ({ label }, victim) => make("th", { scope: "row", title: label, "data-victim": victim }, victim ? icon("crashed", "glyph") : "",
  label, victim ? make("small", {}, " killed") : "");

/** @param {Fate} fate @param {boolean} chosen */
function cell(fate, chosen) {
  const [shape, words] = SHAPES[fate];
  return make("td", { "data-fate": fate, "data-chosen": chosen }, icon(shape, "glyph"), make("span", {}, words));
}

/** @param {Flags} flags */
function limitWords({ max_restarts, max_seconds, restarts_used }) {
  if (max_restarts === "infinity") return "It never gives up, however often its children end.";
  const window_s = max_seconds === "infinity" ? null : max_seconds, time = window_s === null ? "ever" : `within ${duration(window_s)}`;
  return `With restart ${number(max_restarts + 1)} ${time} it gives up: it stops its children and ends, and its own supervisor decides. `
    + `Now: ${budgetText(Math.max(0, max_restarts - restarts_used), { max: max_restarts, window_s })}.`;
}

/** Parse a number; null if invalid. @param {string} text @param {boolean} whole @returns {number|"infinity"|null} */
export function amount(text, whole) {
  const word = text.trim().toLowerCase();
  if (["infinity", "inf", "∞"].includes(word)) return "infinity";
  const value = word === "" ? NaN : Number(word);
  if (!Number.isFinite(value) || value > 1e9) return null;
  return whole ? (Number.isInteger(value) && value >= 0 ? value : null) : value > 0 ? value : null;
}

/** @param {HTMLElement} element @param {{text: string, bad: boolean}|null} said */
function write(element, said) {
  if (element.textContent !== (said?.text ?? "")) element.textContent = said?.text ?? "";
  attribute(element, "data-level", said?.bad ? "bad" : said ? "ok" : null);
}

customElements.define("sl-strategy", SlStrategy);
