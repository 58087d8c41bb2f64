/**
 * `<predict-tree>`: a question about the reader's own tree. The selected process is the one that is killed, by the
 * reader; the answer is read from the restart.
 *
 * Events, which bubble: those of the game, `predict-kill` (key) before the kill, `sl-goto` (key) to ask about another process.
 *
 * @module
 */

import { ApiError, kill, request } from "../base/api.js";
import { root } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { label } from "../live/model.js";
import { all } from "../moment/picture.js";
import { confirmAsAdmin } from "../shell/admin.js";
import { isDynamic } from "../teaching/strategy-rules.js";
import { model, watch } from "../tree/watching.js";
import { html, nothing } from "../vendor/lit-html.js";
import { PredictGame } from "./predict-game.js";
import { keyOf, treeOf, victimOf, within } from "./tree-question.js";

/** @import { Row } from "../live/model.js" */
/** @import { MomentNode } from "../moment/schedule.js" */
/** @import { Seen } from "../process/process-tabs.js" */
/** @import { Source } from "./predict-game.js" */

/** Time until the end of the process has to be known. */
const PATIENCE_MS = 8000;
/** A restart that goes on is read again. */
const AGAIN_MS = 400, MOST_AGAIN = 20;

export class PredictTree extends HTMLElement {
  #game = new PredictGame();
  /** @type {Row|null} */ #row = null;
  #victim = "";
  #skew = 0;
  #stop = () => {};

  connectedCallback() {
    this.role = "region";
    this.ariaLabel = "Predict a restart";
    this.#game.source = this.#source();
    this.#stop = watch(() => this.#follow());
  }

  disconnectedCallback() {
    this.#stop();
  }

  /** @param {Seen} seen */
  look({ row, skew }) {
    this.#skew = skew;
    const before = this.#row, gone = this.#game.answers && !model().rows.has(this.#victim);
    this.#row = row;
    if (before && gone && before.parent === row.parent) return; // the successor of a dynamic child
    this.#victim = victimOf(model(), row);
    if (!this.#game.isConnected) this.append(this.#game);
    else if (before?.key === row.key) this.#follow();
    else void this.#game.renew();
  }

  leave() {
    if (!this.#game.answers) this.#row = null;
  }

  /** Show the tree as it is now, unless an answer is shown. */
  #follow() {
    if (this.#row && this.#game.isConnected && !this.#game.answers) void this.#game.renew();
  }

  /** @returns {Source} */
  #source() {
    const self = this, tree = () => treeOf(model(), this.#victim, Date.now() / 1000 + this.#skew);
    const name = () => label(/** @type {Row} */ (model().rows.get(this.#victim) ?? this.#row));
    return {
      lock: "Lock in and kill",
      level: 0,
      line: "Your own tree",
      about: {},
      get key() {
        const now = tree(), facts = now && all(now).map(({ id, strategy, restart, used }) => [id, strategy, restart, used]);
        return JSON.stringify([self.#victim, model().rows.get(self.#victim)?.pid, facts]);
      },
      /** @returns {[string, string]|null} */
      get missing() {
        if (!tree()) return ["There is nothing to predict here.", "Select a process that has a supervisor."];
        return model().rows.get(self.#victim)?.pid ? null : [`${name()} is not running.`, "Select a process that runs."];
      },
      async ask() {
        const now = /** @type {MomentNode} */ (tree());
        return { key: keyOf(now, self.#victim), line: this.line, hint: "The kill is real.", tree: now, victim: self.#victim };
      },
      answer: async ({ tree: shown, victim }, picked, signal) => {
        const row = model().rows.get(victim);
        if (!row?.pid) throw new ApiError("conflict", `${name()} is not running now.`, "", 409);
        if (row.critical && !(await confirmAsAdmin(`Kill ${name()}?`,
          "It is a process of the platform itself; this page may lose its connection for a moment.", `Kill ${name()}`)))
          throw new ApiError("cancelled", "Nothing was killed.", "", 409);
        self.dispatchEvent(new CustomEvent("predict-kill", { detail: victim, bubbles: true }));
        await kill(row.pid, { force: row.critical });
        const query = new URLSearchParams({ picked: picked.join(","), among: all(shown).map(({ id }) => id).join(",") });
        const event = await ended(row.pid, signal);
        for (let again = MOST_AGAIN;; again -= 1) {
          const answer = await request("GET", `/restarts/${event}/compare?${query}`, undefined, signal);
          if (!answer.moment.going_on || !again) return { ...answer, moment: within(answer.moment, shown) };
          await new Promise((done) => setTimeout(done, AGAIN_MS));
        }
      },
      file: ({ moment }) => request("GET", `/restarts/${moment.ref}/file`),
      address: ({ moment }) => `${location.origin}${whyAddress(moment.ref ?? moment.id)}`,
      ways: () => nothing,
      instead: () => html`<a class="btn" href=${`${root()}/predict`}>Play the game instead</a>`,
      next: () => html`<button type="button" class="btn primary" @click=${() => self.#another()}>Another process</button>`,
    };
  }

  /** Ask about another process. */
  #another() {
    const { rows, kids } = model(), choices = [...rows.values()].filter(({ key, kind, pid, critical, parent }) =>
      kind === "worker" && pid && !critical && parent && key !== this.#victim && !isDynamic(rows.get(parent)?.strategy ?? null)
      && (kids.get(parent)?.length ?? 0) > 1);
    const key = choices[Math.floor(Math.random() * choices.length)]?.key;
    if (key) this.dispatchEvent(new CustomEvent("sl-goto", { detail: key, bubbles: true }));
  }
}

/**
 * Return the id of the restart of a process when its end is known.
 * @param {string} pid
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
function ended(pid, signal) {
  return new Promise((done, fail) => {
    const look = () => {
      const entry = model().feed.findLast((one) => one.pid === pid && one.event);
      if (entry || signal.aborted) leave();
      if (entry) done(`${entry.ref ?? entry.event}`);
    };
    const stop = watch(look), timer = setTimeout(() => {
      leave();
      fail(new ApiError("timeout", "The end of the process has not been reported yet.", "", 504));
    }, PATIENCE_MS);
    const leave = () => {
      stop();
      clearTimeout(timer);
    };
    look();
  });
}

customElements.define("predict-tree", PredictTree);
