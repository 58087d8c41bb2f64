/**
 * `<sl-predict>`: the reader predicts which children restart, then the process is killed, and both are compared.
 *
 * The runtime's own prediction is requested before the kill and shown only after the answer; the result is read from
 * the live feed, never from a prediction. The kill is sent as `sl-predict` ({key, reason}) to the page, which
 * performs it like any other.
 *
 * @module
 */

import { ApiError, kill, request } from "../base/api.js";
import { icon, make } from "../base/dom.js";
import { before, childrenOf, counting, grade, isDynamic, NO_SCORE, observe, predictedRight } from "./strategy-rules.js";
import { confirmAsAdmin } from "../shell/admin.js";
import { model, watch } from "../tree/watching.js";
import { counted } from "../base/words.js";

/** @import { Seen } from "../process/process-tabs.js" */
/** @import { Before, Child, Graded, Observed, Score, Verdict } from "./strategy-rules.js" */
/** @import { Note } from "../map/map-marks.js" */

/** Time after which the comparison shows what it is waiting for. */
const PATIENCE_MS = 8000;
/** Limit of children that can be marked. */
const MOST = 40;

/** @type {Record<string, [string, string]>} */
const VERDICTS = {
  right: ["check", "right: it started again"], missed: ["crashed", "missed: it started again, too"],
  wrong: ["cross", "wrong: it did not start again"], left: ["check", "right: it was left alone"],
};

/** The marks for tree and map. @type {Record<Verdict, Note>} */
const MARKS = {
  right: { mark: "right", text: "right" }, missed: { mark: "wrong", text: "missed" },
  wrong: { mark: "wrong", text: "wrong" }, left: { mark: "spared", text: "right, left alone" },
};

/** Storage key of this tab's score. */
const STORE = "superlearner.predictions";

let score = recalled();

/** @returns {Score} */
function recalled() {
  try {
    return { ...NO_SCORE, ...JSON.parse(sessionStorage.getItem(STORE) ?? "{}") };
  } catch {
    return NO_SCORE; // no storage, or invalid
  }
}

function keepScore() {
  try {
    sessionStorage.setItem(STORE, JSON.stringify(score));
  } catch { /* it lasts as long as the page */ }
}

export class SlPredict extends HTMLElement {
  /** @type {Seen|null} */ #seen = null;
  /** @type {string|null} */ #supervisor = null;
  /** @type {string|null} */ #victim = null;
  #reason = "kill";
  /** @type {Set<string>} */ #expected = new Set();
  #giveUp = false;
  /** @type {"asking"|"killing"|"watching"|"told"} */ #stage = "asking";
  /** @type {Before|null} */ #before = null;
  /** @type {Observed|null} */ #now = null;
  /** @type {Graded[]} */ #graded = [];
  /** @type {{steps?: any[]}|null} */ #predicted = null;
  #note = "";
  #clock = 0;

  connectedCallback() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Predict who restarts");
    watch((newest) => this.#follow(newest));
  }

  /** @param {Seen} seen */
  look(seen) {
    const first = this.#seen === null;
    const other = this.#seen?.row.key !== seen.row.key;
    this.#seen = seen;
    const worker = seen.row.kind !== "supervisor";
    const supervisor = worker ? seen.row.parent : seen.row.key;
    if (this.#stage === "told" || this.#stage === "watching") {
      if (this.#before?.supervisor === supervisor) return this.#mark();
    }
    if (other || first || this.#supervisor === null) {
      this.#begin(supervisor, worker ? seen.row.key : null);
    } else if (this.#asked() !== this.#drawn) this.#paint();
  }

  leave() {
    if (this.#stage === "watching") return;
    this.#seen = null;
    this.dispatchEvent(new CustomEvent("sl-marks", { detail: new Map(), bubbles: true }));
  }

  /** Start a new question. @param {string|null} supervisor @param {string|null} victim */
  #begin(supervisor, victim) {
    clearTimeout(this.#clock);
    this.#supervisor = supervisor;
    this.#victim = victim;
    this.#expected = new Set();
    this.#giveUp = false;
    this.#stage = "asking";
    this.#before = this.#now = this.#predicted = null;
    this.#graded = [];
    this.#note = "";
    this.#paint();
  }

  /** @param {import("../live/model.js").Model} newest */
  #follow(newest) {
    if (this.#stage === "watching" && this.#before) {
      const now = observe(this.#before, newest);
      if (now.settled) this.#reveal(now);
    } else if (this.#stage === "asking" && this.isConnected && this.offsetParent) {
      if (this.#asked() !== this.#drawn) this.#paint();
    }
  }

  /** Input of the last drawing: an unnecessary redraw would lose a key or button that is held down. */
  #drawn = "";

  #asked() {
    const row = model().rows.get(this.#supervisor ?? "");
    return JSON.stringify([row?.name ?? row?.id, row?.strategy, this.#children()]);
  }

  /** @returns {Child[]} */
  #children() {
    return this.#supervisor === null ? [] : childrenOf(model(), this.#supervisor).slice(0, MOST);
  }

  #paint() {
    const row = model().rows.get(this.#supervisor ?? "");
    const children = this.#children();
    this.#drawn = this.#asked();
    for (const key of this.#expected) if (!children.some((child) => child.key === key)) this.#expected.delete(key);
    if (!children.some((child) => child.key === this.#victim && child.pid)) this.#victim = null;
    if (!row || !children.length) {
      this.replaceChildren(
        make("p", { class: "hint" }, "There is nothing to predict here: choose a supervisor with children, or one of its children."));
      return;
    }
    if (this.#stage === "told") this.#paintResult(row.name ?? row.id);
    else this.#paintAsking(row, children);
    this.#mark();
  }

  /** Show the same marks in the tree and on the map. */
  #mark() {
    /** @type {Map<string, Note>} */
    const notes = new Map();
    if (this.#stage === "told") for (const { key, verdict } of this.#graded) notes.set(key, MARKS[verdict]);
    else if (this.#seen) {
      for (const key of this.#expected) notes.set(key, { mark: "expected", text: "expected" });
      if (this.#victim !== null)
        notes.set(this.#victim, { mark: "cause", text: this.#expected.has(this.#victim) ? "dies, expected again" : "dies" });
    }
    this.dispatchEvent(new CustomEvent("sl-marks", { detail: notes, bubbles: true }));
  }

  /** @param {import("../live/model.js").Row} row @param {Child[]} children */
  #paintAsking(row, children) {
    const focused = document.activeElement instanceof HTMLElement && this.contains(document.activeElement)
      ? document.activeElement.dataset.mark
      : undefined;
    const busy = this.#stage !== "asking";
    const name = row.name ?? row.id;
    const who = make("fieldset", { disabled: busy }, make("legend", {}, "1. Who dies?"), ...children.map((child) => {
      const input = make("input", { type: "radio", name: "predict-victim", value: child.key, "data-mark": `v ${child.key}` });
      input.checked = child.key === this.#victim;
      input.disabled = child.pid === null;
      input.onchange = () => {
        this.#victim = child.key;
        this.#paint();
      };
      return make("label", {}, input, make("span", {}, child.label),
        child.restart && child.restart !== "permanent" ? make("small", {}, child.restart) : null);
    }));
    const how = make("select", { "aria-label": "How it ends", "data-mark": "how" },
      make("option", { value: "kill" }, "killed: a failure"),
      make("option", { value: "shutdown" }, "shutdown: no failure"));
    how.value = this.#reason;
    how.disabled = busy;
    how.onchange = () => (this.#reason = how.value);
    who.append(make("p", { class: "how" }, "It ends: ", how));
    const marks = make("fieldset", { disabled: busy || this.#victim === null }, make("legend", {}, "2. Who starts again?"),
      ...children.map((child) => {
        const input = make("input", { type: "checkbox", value: child.key, "data-mark": `m ${child.key}` });
        input.checked = this.#expected.has(child.key);
        input.onchange = () => {
          if (input.checked) this.#expected.add(child.key);
          else this.#expected.delete(child.key);
          this.#mark();
        };
        return make("label", {}, input, make("span", {}, child.label), child.key === this.#victim ? make("small", {}, "dies") : null);
      }));
    const gives = make("input", { type: "checkbox", "data-mark": "gives" });
    gives.checked = this.#giveUp;
    gives.onchange = () => (this.#giveUp = gives.checked);
    marks.append(make("label", { class: "gives" }, gives, make("span", {}, `${name} gives up, or ends with it`)));
    const go = make("button", { class: "btn primary", disabled: busy || this.#victim === null, "data-mark": "go" },
      this.#stage === "watching" ? "Watching…" : busy ? "Predicting…" : "Kill it and see");
    const form = make("form", { class: "predict" },
      make("p", { class: "hint" },
        `${name} is ${row.strategy}. Mark the children that you expect to get a new process; then it really happens.`),
      make("div", { class: "both" }, who, marks),
      make("p", { class: "acts" }, go, scoreWords()),
      this.#note ? make("p", { class: "strategy-said", "data-level": "bad", role: "status" }, this.#note) : null);
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#run();
    };
    this.replaceChildren(form);
    const back = focused === undefined
      ? null
      : [...this.querySelectorAll("[data-mark]")].find((one) => one instanceof HTMLElement && one.dataset.mark === focused);
    if (back instanceof HTMLElement) back.focus();
  }

  async #run() {
    const newest = model();
    const then = before(newest, this.#supervisor ?? "", this.#victim ?? "", this.#reason);
    const supervisor = newest.rows.get(this.#supervisor ?? "");
    const row = newest.rows.get(this.#victim ?? "");
    if (!then?.victim.pid || !supervisor?.pid || !row || this.#stage !== "asking") return;
    const force = row.critical;
    if (force
      && !(await confirmAsAdmin(`Kill ${then.victim.label}?`,
        "It is a process of the platform itself; this page may lose its connection for a moment.", `Kill ${then.victim.label}`)))
      return;
    this.#stage = "killing";
    this.#note = "";
    this.#paint();
    const child = isDynamic(then.strategy) ? then.victim.pid : row.id;
    const asked = request("GET",
      `/supervisors/${encodeURIComponent(
        supervisor.pid)}/children/${encodeURIComponent(child)}/predict?reason=${this.#reason === "kill" ? "killed" : "shutdown"}`);
    this.#predicted = await asked.catch(() => null);
    this.#before = { ...then, children: this.#children(), reason: this.#reason === "kill" ? "killed" : this.#reason };
    this.#stage = "watching";
    this.#paint();
    try {
      const answer = await kill(then.victim.pid, { reason: this.#reason, force });
      if (answer?.terminated === false) this.#failed(`${then.victim.label} traps exits and lives on; choose that it is killed.`);
      else if (this.#stage === "watching") this.#wait();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#failed(error.words);
    }
  }

  /** @param {string} text */
  #failed(text) {
    this.#stage = "asking";
    this.#note = text;
    this.#paint();
  }

  /** Wait for the entry in the feed; a failing restart may take long. */
  #wait() {
    this.#follow(model());
    clearTimeout(this.#clock);
    if (this.#stage === "watching")
      this.#clock = setTimeout(
        () => this.#before && this.#stage === "watching" && this.#reveal(observe(this.#before, model())),
        PATIENCE_MS,
      );
  }

  /** @param {Observed} now */
  #reveal(now) {
    const then = this.#before;
    if (!then) return;
    clearTimeout(this.#clock);
    this.#now = now;
    this.#graded = grade(this.#expected, then, now);
    score = counting(score, this.#graded, this.#giveUp === now.gaveUp);
    keepScore();
    this.#stage = "told";
    this.#paint();
    const title = this.querySelector("h3");
    if (this.offsetParent && title instanceof HTMLElement) title.focus();
    this.dispatchEvent(new CustomEvent("sl-happened", { detail: { entry: now.entry?.id ?? null }, bubbles: true }));
  }

  /** @param {string} name */
  #paintResult(name) {
    const [then, now] = [this.#before, this.#now];
    if (!then || !now) return;
    const mistakes = this.#graded.filter(({ verdict }) => verdict === "missed" || verdict === "wrong").length
      + (this.#giveUp === now.gaveUp ? 0 : 1);
    const lines = this.#graded.map(({ label, verdict, words }) => line(verdict, label, words));
    if (this.#giveUp || now.gaveUp) {
      const verdict = this.#giveUp && now.gaveUp ? "right" : now.gaveUp ? "missed" : "wrong";
      const words = now.gaveUp ? `It ${now.how} and stopped its children.` : "It had a restart left and lives on.";
      lines.unshift(
        line(verdict, name, words,
          { right: "right: it ended itself", missed: "missed: it ended itself", wrong: "wrong: it lives on", left: "" }[verdict]));
    }
    const agreed = predictedRight(this.#predicted, then, now);
    const note = agreed === false
      ? "The platform expected something else: something changed in between, or another process ended at the same moment."
      : "";
    const again = make("button", { type: "button", class: "btn primary" }, "Try another one");
    again.onclick = () => this.#another();
    const same = make("button", { type: "button", class: "btn" }, "Same again");
    same.onclick = () => {
      this.#begin(this.#supervisor, then.victim.key);
      this.querySelector("input")?.focus();
    };
    this.replaceChildren(make("section", { class: "told" },
      make("h3", { tabindex: -1 }, mistakes === 0 ? "All right" : counted(mistakes, "mistake")),
      make("p", {},
        now.settled
          ? `${then.victim.label} ${then.reason === "killed" ? "was killed" : `ended with ${then.reason}`}; this is what `
            + `${name} (${then.strategy}) did.`
          : `${name} has not finished yet; this is what has happened so far.`),
      make("ol", { class: "verdicts" }, ...lines), note ? make("p", { class: "hint" }, note) : null,
      make("p", { class: "acts" }, again, same, scoreWords())));
  }

  /** Select another child, of this supervisor or another one. */
  #another() {
    const rows = model().rows;
    const choices = [...rows.values()].filter((row) => row.pid && !row.critical && row.parent
      && !isDynamic(rows.get(row.parent)?.strategy ?? null) && (model().kids.get(row.parent)?.length ?? 0) > 1
      && row.kind === "worker" && row.key !== this.#before?.victim.key);
    const found = choices[Math.floor(Math.random() * choices.length)];
    this.#begin(found?.parent ?? this.#supervisor, found?.key ?? null);
    if (found) this.dispatchEvent(new CustomEvent("sl-predict-at", { detail: found.parent, bubbles: true }));
    const first = this.querySelector("input[type=checkbox]");
    if (first instanceof HTMLElement) first.focus();
  }
}

/** @param {Verdict} verdict @param {string} name @param {string} words @param {string} [said] */
function line(verdict, name, words, said) {
  const [shape, text] = VERDICTS[verdict] ?? ["stopped", ""];
  return make("li", { "data-verdict": verdict }, icon(shape, "glyph"),
    make("p", {}, make("b", {}, name), " ", make("span", { class: "verdict" }, said ?? text), make("small", {}, words)));
}

function scoreWords() {
  if (!score.rounds) return null;
  return make("span", { class: "score" },
    `${counted(score.rounds, "round")}, ${score.clean} without a mistake; ${score.right} of ${score.of} children right`);
}

customElements.define("sl-predict", SlPredict);
