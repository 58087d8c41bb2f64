/**
 * Editing the state in the detail pane: its JSON, a preview of changes, the operation's dry run, and an undo.
 *
 * @module
 */

import { make, renew } from "../base/dom.js";
import { ask, button, refusal, tell, tryOut } from "./process-asks.js";
import { differences, parsed, shortJson, updateOf } from "./state-terms.js";
import { counted, sentence } from "../base/words.js";

/** @import { Change } from "./state-terms.js" */

const SHOWN = 50;

export class StateEditor {
  element = make("section", { class: "editor", hidden: true });
  #pid = "";
  /** @type {Api.StateForm|null} */ #form = null;
  #field = make("textarea", {
    id: "state-json", rows: 8, spellcheck: "false", autocomplete: "off", "aria-describedby": "state-wrong state-left",
  });
  #wrong = make("p", { class: "wrong", id: "state-wrong", role: "status" });
  #left = make("div", { class: "hint", id: "state-left" });
  #diff = make("div", { class: "diff" });
  #said = make("div", { role: "status" });
  #review = make("button", { type: "submit", class: "btn" }, "Review");
  #lists = make("select", { "aria-label": "Lists become" },
    make("option", { value: "tuple" }, "lists become tuples"),
    make("option", { value: "list" }, "lists stay lists"));

  /** @param {() => void} changed  called after a change @param {(pid: string) => boolean} here  returns whether this process is shown */
  constructor(changed, here) {
    this.changed = changed;
    this.here = here;
    const form = make("form", {},
      make("div", { class: "field" }, make("label", { for: "state-json" }, "State as JSON"), this.#field, this.#wrong, this.#left),
      this.#diff, this.#said, make("div", { class: "acts" }, this.#review, this.#lists, button("Cancel", () => this.close(), "btn quiet")));
    this.element.append(form);
    this.#field.oninput = () => this.#look();
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#try();
    };
  }

  get open() {
    return !this.element.hidden;
  }

  close() {
    this.element.hidden = true;
    this.#form = null;
  }

  /** Read the JSON of a state and show it for editing. @param {string} pid */
  async edit(pid) {
    /** @type {Api.StateForm} */ let form;
    try {
      form = (await ask(pid, "state/tree", { depth: 0, form: true })).form;
    } catch (error) {
      if (!this.here(pid)) return;
      this.#showNote(refusal(error));
      this.element.hidden = false;
      return;
    }
    if (!this.here(pid)) return; // another process was chosen meanwhile
    this.#pid = pid;
    this.#form = form;
    const { how, value, left_out: left, tuples } = form;
    const none = how === "none";
    this.#field.value = none ? "" : JSON.stringify(value, null, 2);
    this.#field.rows = Math.min(16, Math.max(3, this.#field.value.split("\n").length + 1));
    this.#field.disabled = none;
    this.#lists.hidden = how !== "set" || tuples.length === 0;
    this.#lists.value = "tuple";
    const notes = left.filter((one) => one.key).map((one) => make("li", {}, make("code", {}, one.key), ` stays as it is: ${one.why}.`));
    this.#left.replaceChildren(
      ...(none
        ? [make("p", {}, `This state cannot be edited as JSON${left.length === 1 && !left[0]?.key ? `: ${left[0]?.why}` : ""}.`)]
        : []),
      ...(notes.length ? [make("ul", {}, ...notes)] : []),
      ...(how === "update" && tuples.length
        ? [make("p", {}, `Tuples in ${tuples.join(", ")} are shown as lists, and become lists where you change them.`)]
        : []));
    this.element.hidden = false;
    this.#showNote(null);
    this.#look();
    if (!none) this.#field.focus();
  }

  /** @param {Node|null} said */
  #showNote(said) {
    this.#said.replaceChildren(...(said ? [said] : []));
  }

  /**
   * Return the request to send; null for invalid input, with an error at the field.
   * @returns {{method: string, path: string, body: Record<string, unknown>, changes: Change[]}|null}
   */
  #wish() {
    const form = this.#form;
    if (!form || form.how === "none") return null;
    const { value, wrong } = parsed(this.#field.value);
    if (wrong !== null) return this.#refuse(wrong);
    const changes = differences(form.value, value);
    if (form.how === "set") {
      const body = { state: value, lists: this.#lists.hidden ? "list" : this.#lists.value };
      this.#refuse("");
      return { method: "PUT", path: "state", body, changes };
    }
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return this.#refuse(`Expected an object with keys, got ${Array.isArray(value) ? "a list" : shortJson(value, 40)}.`);
    const update = updateOf(form.value, /** @type {Record<string, unknown>} */ (value));
    if (update.removed.length)
      return this.#refuse(`A key cannot be taken away here: put ${update.removed.map((key) => `"${key}"`).join(", ")} back.`);
    this.#refuse("");
    return { method: "PATCH", path: "state", body: { changes: update.changes }, changes };
  }

  /** @param {string} wrong @returns {null} */
  #refuse(wrong) {
    this.#wrong.textContent = wrong;
    if (wrong) this.#field.setAttribute("aria-invalid", "true");
    else this.#field.removeAttribute("aria-invalid");
    return null;
  }

  #look() {
    const wish = this.#wish();
    this.#showNote(null);
    this.#review.disabled = !wish?.changes.length;
    renew(this.#diff,
      wish
        ? [changeList(wish.changes, wish.changes.length ? `${counted(wish.changes.length, "change")}:` : "Nothing is changed yet.")]
        : []);
  }

  /** Show the result of a dry run before the change can be made. */
  async #try() {
    const wish = this.#wish();
    if (!wish?.changes.length) return;
    const pid = this.#pid;
    try {
      const { would } = await tryOut(wish.method, pid, wish.path, wish.body);
      if (!this.here(pid)) return;
      const apply = button("Apply", () => void this.#do(wish), "btn primary");
      this.#showNote(
        make("div", { class: "note ask" },
          make("p", {}, sentence(`it will ${would}`), " Between two of its messages; the state before is kept."),
          apply));
      apply.focus();
    } catch (error) {
      this.#showNote(refusal(error));
    }
  }

  /** @param {{method: string, path: string, body: Record<string, unknown>}} wish */
  async #do({ method, path, body }) {
    const pid = this.#pid;
    try {
      const done = await tell(method, pid, path, body);
      if (!this.here(pid)) return;
      this.close();
      this.undoable(done.pid, done.undo, "The state is changed.");
    } catch (error) {
      if (!this.here(pid)) return;
      this.#showNote(refusal(error));
    }
    this.changed();
  }

  /** The element that offers the undo. @type {HTMLElement} */
  notice = make("div", { role: "status" });

  /** @param {string} pid @param {string} backup @param {string} words */
  undoable(pid, backup, words) {
    const undo = button("Undo", () => void this.#undo(pid, backup));
    this.notice.replaceChildren(make("div", { class: "note ask", "data-level": "ok" }, make("p", {}, words), undo));
    undo.focus();
  }

  /** @param {string} pid @param {string} backup */
  async #undo(pid, backup) {
    try {
      await tell("POST", pid, "state/restore", { backup_id: backup });
      if (!this.here(pid)) return;
      this.notice.replaceChildren(make("p", { class: "note", "data-level": "ok" }, "The state before is back."));
    } catch (error) {
      if (!this.here(pid)) return;
      this.notice.replaceChildren(refusal(error));
    }
    this.changed();
  }
}

/**
 * Return the changes as a list, with sign, word, path and values.
 * @param {Change[]} changes
 * @param {string} title
 */
export function changeList(changes, title) {
  const signs = { added: "+", removed: "−", changed: "~" };
  return make("div", { class: "changes" }, make("p", { class: "hint" }, title), make("ul", {}, ...changes.slice(0, SHOWN).map((one) =>
    make("li", { "data-kind": one.kind },
      make("b", { "aria-hidden": "true" }, signs[one.kind]),
      make("span", { class: "vh" }, one.kind), make("code", {}, one.path || "state"), " ",
      one.kind === "added" ? null : make("del", {}, shortJson(one.before)), one.kind === "changed" ? " → " : "",
      one.kind === "removed" ? null : make("ins", {}, shortJson(one.after)))),
    changes.length > SHOWN ? make("li", { class: "hint" }, `and ${changes.length - SHOWN} more`) : null));
}
