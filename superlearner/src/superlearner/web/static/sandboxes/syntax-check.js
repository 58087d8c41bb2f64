/**
 * What Python says about a source while it is typed: asked a moment after the last key, in a program of its own that runs
 * nothing of it. Only the newest answer counts, and the cursor stays where it is.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { make, root } from "../base/dom.js";
import { placeOf } from "./sandbox-words.js";

/** @typedef {import("../components/code-editor.js").SlCode} SlCode */

const WAIT_MS = 500;

export class SyntaxCheck {
  #timer = 0;
  /** Which question is the newest: a late answer changes nothing. */
  #asked = 0;
  /** Whether what is said below the editor is what this check has said. */
  #spoke = false;

  /** @param {SlCode} editor @param {HTMLElement} said  below it */
  constructor(editor, said) {
    this.editor = editor;
    this.said = said;
  }

  /** Somebody typed. */
  later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), WAIT_MS);
  }

  /** What is under way is of no use any more. */
  drop() {
    clearTimeout(this.#timer);
    this.#asked += 1;
  }

  /** Nothing is wrong any more, nor under way. */
  clear() {
    this.drop();
    this.#well();
  }

  /** @param {string} words @param {string} [level] */
  tell(words, level = "info") {
    this.#spoke = false;
    this.said.replaceChildren(...(words ? [make("p", { "data-level": level }, words)] : []));
  }

  /** Shows why a source was refused, and goes to the place. @param {any} error */
  refused(error) {
    this.drop();
    this.#show(error, true);
  }

  async #look() {
    const mine = (this.#asked += 1);
    if (!this.editor.value.trim()) return this.#well();
    try {
      await platform("POST", "/sandboxes?dry_run=true", { sandbox_id: "look", source: this.editor.value });
      if (mine === this.#asked) this.#well();
    } catch (error) {
      if (mine !== this.#asked) return;
      if (placeOf(/** @type {any} */ (error).message ?? "") || /** @type {any} */ (error).code === "missing_scope") this.#show(error, false);
      else this.#well(); // a machine that can start none says so on the page
      this.#spoke = true;
    }
  }

  #well() {
    this.editor.unmark();
    if (this.#spoke) this.tell("");
  }

  /** @param {any} error @param {boolean} go */
  #show(error, go) {
    const place = placeOf(error.message ?? "");
    if (place) this.editor.mark(place.line, place.column, error.message, go);
    else this.editor.unmark();
    if (error.code === "missing_scope") this.#tellToSignIn();
    else this.tell([(error.message ?? "").replace(/^source: /, "At "), error.hint].filter(Boolean).join(" — "), "bad");
  }

  /** Your own code takes a credential; a demo does not. */
  #tellToSignIn() {
    const here = location.pathname.slice(root().length) + location.search;
    this.said.replaceChildren(make("p", { "data-level": "bad" }, "Code of your own takes the scope code, which the owner's credential has: ", make("a", { href: `${root()}/sign-in?next=${encodeURIComponent(here)}` }, "sign in with it"), ". On the machine of the platform ", make("code", {}, "superlearner token"), " prints it. A demo starts without."));
  }
}
