/**
 * The part State of the detail pane: the state as a tree of terms with changes since the last read, its JSON for
 * editing, and saved states.
 *
 * @module
 */

import { copyButton } from "../base/copying.js";
import { make, write } from "../base/dom.js";
import { ask, button } from "./process-asks.js";
import { LIVE_MS, Panel } from "./process-panel.js";
import { StateEditor } from "./process-state-edit.js";
import { KeptStates } from "./process-state-kept.js";
import { StateTree } from "./process-state-tree.js";
import { changedPlaces } from "./state-terms.js";
import { counted, time } from "../base/words.js";

/** @import { Seen } from "./process-tabs.js" */
/** @import { Kept } from "./process-state-kept.js" */

/** @extends {Panel<{told: Api.StateTree, kept: Kept[]}>} */
export class SlState extends Panel {
  #tree = new StateTree();
  #editor = new StateEditor(() => this.again(), (pid) => this.#here(pid));
  #kept = new KeptStates(() => this.again(), (pid, backup, words) => this.#here(pid) && this.#editor.undoable(pid, backup, words));
  #edit = button("Edit", () => this.seen?.row.pid && void this.#editor.edit(this.seen.row.pid));
  #keep = button("Keep a copy", () => this.seen?.row.pid && void this.#kept.keep(this.seen.row.pid));
  #copy = copyButton(async () => (await ask(this.seen?.row.pid ?? "", "state", { length: 100_000 })).state ?? "", "Copy",
    "Copy the whole state", "btn quiet copy");
  #note = make("p", { class: "hint changes-note", role: "status" });
  #none = make("p", { class: "hint" });
  #acts = make("div", { class: "acts" }, this.#edit, this.#keep, this.#copy);
  /** The drawn data: each answer is compared with it once. @type {Api.StateTree|null} */ #drawn = null;

  /** Return whether this process is shown: answers may arrive late. @param {string} pid */
  #here(pid) {
    return this.seen?.row.pid === pid;
  }

  connectedCallback() {
    this.content.replaceChildren(make("section", {}, this.#acts, this.#editor.notice, this.#none, this.#note, this.#tree.element),
      this.#editor.element, this.#kept.element);
    super.connectedCallback();
  }

  /** @override @param {string} pid @param {AbortSignal} signal */
  async read(pid, signal) {
    const [told, kept] = await Promise.all([
      ask(pid, "state/tree", { items: 50 }, signal), ask(pid, "state/backups", { per_page: 20 }, signal),
    ]);
    return { told, kept };
  }

  /** @override */
  forget() {
    this.#tree.forget();
    this.#editor.close();
    this.#editor.notice.replaceChildren();
    this.#kept.forget();
    this.#drawn = null;
    write(this.#note, "");
  }

  pause = 500;
  every = LIVE_MS;

  /** @override @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row.state !== before.row.state || seen.row.mailbox !== before.row.mailbox || seen.row.pid !== before.row.pid;
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const alive = seen.row.pid !== null && !seen.gone;
    const told = this.known?.told;
    const term = told?.term ?? null;
    this.#acts.hidden = !alive || term === null;
    if (!alive) this.#editor.close();
    this.#none.hidden = told === undefined || term !== null;
    write(this.#none, told?.state_note ?? "");
    this.#kept.show(alive ? seen.row.pid : null, this.known?.kept ?? []);
    if (!told || told === this.#drawn) return;
    const before = this.#drawn;
    this.#drawn = told;
    if (!term) return this.#tree.forget();
    const changed = changedPlaces(before?.term, term);
    if (before?.pid === told.pid && before.term && !changed.length) return; // the last change stays marked
    this.#tree.show(told.pid, term, changed);
    write(this.#note,
      before === null
        ? ""
        : `${before.pid === told.pid ? "" : `A new process, ${told.pid}, with a state of its own. `}${counted(changed.length, "place")} `
          + `changed at ${time(this.readAt)}.`);
  }
}

customElements.define("sl-state", SlState);
