/**
 * The saved states of a process in the detail pane: save, compare with the current state, restore, delete.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { make } from "../base/dom.js";
import { ask, button, refusal, tell } from "./process-asks.js";
import { changeList } from "./process-state-edit.js";
import { complain } from "../base/toast.js";
import { counted, time } from "../base/words.js";

/** @typedef {Api.BackupLine} Kept */

/** @type {Record<string, string>} */
const WHY = {
  asked: "kept by hand", "before set": "before it was set", "before update": "before a change",
  "before restore": "before another came back",
};

export class KeptStates {
  element = make("section", { class: "kept", hidden: true });
  #list = make("ul", {});
  #title = make("h3");
  /** @type {{pid: string|null, kept: Kept[]}|null} */ #shown = null;
  /** @type {Map<string, HTMLElement>} */ #compared = new Map();

  /** @param {() => void} changed  @param {(pid: string, backup: string, words: string) => void} undoable */
  constructor(changed, undoable) {
    this.changed = changed;
    this.undoable = undoable;
    this.element.append(this.#title, this.#list);
  }

  forget() {
    this.#compared.clear();
  }

  /** @param {string|null} pid  null: no actions are possible @param {Kept[]} kept */
  show(pid, kept) {
    if (pid === this.#shown?.pid && kept === this.#shown.kept) return;
    this.#shown = { pid, kept };
    this.element.hidden = kept.length === 0;
    this.#title.textContent = `Kept states (${kept.length})`;
    this.#list.replaceChildren(...kept.map((one) => this.#line(pid, one)));
  }

  /** Save the current state. @param {string} pid */
  async keep(pid) {
    try {
      await tell("POST", pid, "state/backups", {});
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      complain(error, "Keep a copy");
    }
    this.changed();
  }

  /** @param {string|null} pid @param {Kept} one */
  #line(pid, one) {
    const name = `the state of ${time(Date.parse(one.at) / 1000)}`;
    const acts = pid === null
      ? []
      : [
        button("Compare", () => void this.#compare(pid, one), "link"),
        button("Bring back", () => void this.#restore(pid, one, name), "link"),
        button("Drop", () => void this.#drop(pid, one), "link"),
      ];
    for (const act of acts) act.setAttribute("aria-label", `${act.textContent}: ${name}`);
    return make("li", {},
      make("time", {}, time(Date.parse(one.at) / 1000)),
      make("span", {}, one.label || (WHY[one.why] ?? one.why), one.copied ? "" : " (not a copy: it may have changed)"),
      make("span", { class: "acts" }, ...acts), this.#compared.get(one.id) ?? null);
  }

  /** @param {string} pid @param {Kept} one */
  async #compare(pid, one) {
    let said;
    try {
      const answer = await ask(pid, "state/diff", { backup_id: one.id });
      said = answer.same
        ? make("p", { class: "hint" }, "Nothing has changed since, as far as it can be seen.")
        : changeList(answer.changes, `${counted(answer.change_count, "place")} changed since:`);
    } catch (error) {
      said = refusal(error);
    }
    this.#compared.set(one.id, make("div", { class: "compared", role: "status" }, said));
    this.changed();
  }

  /** @param {string} pid @param {Kept} one @param {string} name */
  async #restore(pid, one, name) {
    if (!(await confirm("Bring a state back?",
      `The process gets ${name}, between two of its messages. The state it has now is kept, so that this can be undone.`,
      "Bring it back")))
      return;
    try {
      const done = await tell("POST", pid, "state/restore", { backup_id: one.id });
      this.undoable(done.pid, done.undo, `It has ${name} again.`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      complain(error, "Bring back");
    }
    this.changed();
  }

  /** @param {string} pid @param {Kept} one */
  async #drop(pid, one) {
    try {
      await tell("DELETE", pid, `state/backups/${encodeURIComponent(one.id)}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      complain(error, "Drop");
    }
    this.changed();
  }
}
