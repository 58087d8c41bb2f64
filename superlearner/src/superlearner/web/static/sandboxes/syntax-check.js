/**
 * Python's syntax check during typing: requested shortly after the last key, in a separate program that does not run
 * the source. Only the newest answer counts, and the cursor does not move.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { command } from "../base/commands.js";
import { make, root } from "../base/dom.js";
import { sentence } from "../base/words.js";
import { linedText } from "../process/message-text.js";
import { html, render } from "../vendor/lit-html.js";
import { failure, withLinks } from "./sandbox-failure.js";
import { columnOf, lineOf, placed, placeOf, raisedIn } from "./sandbox-words.js";

/** @import { SlCode } from "../components/code-editor.js" */

const WAIT_MS = 500;
const MOST_WARNINGS = 3;

export class SyntaxCheck {
  #timer = 0;
  /** Number of the newest request: late answers are ignored. */
  #asked = 0;
  /** True if the message below the editor is one that this check can withdraw. */
  #spoke = false;
  /** The line that the message is about, and how often it was in the text; null for none. @type {{text: string, count: number}|null} */
  #about = null;
  /** Called with the line that the message calls wrong, 0 for none. @type {(line: number) => void} */
  onproblem = () => {};

  /**
   * @param {SlCode} editor
   * @param {HTMLElement} said  the element below it
   * @param {(line: number, message: string) => void} go  leads to a line
   */
  constructor(editor, said, go) {
    this.go = go;
    this.editor = editor;
    this.said = said;
    editor.addEventListener("input", () => {
      if (this.#about && this.#count(this.#about.text) < this.#about.count) this.#withdraw(); // it was changed
    });
  }

  /** Schedule a check after input. */
  later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), WAIT_MS);
  }

  /** Ignore pending answers. */
  drop() {
    clearTimeout(this.#timer);
    this.#asked += 1;
  }

  /** Remove the message and ignore pending answers. */
  clear() {
    this.drop();
    this.#well();
  }

  /** @param {string} words @param {string} [level] */
  tell(words, level = "info") {
    this.#spoke = false;
    this.#calls(0);
    this.said.replaceChildren(...(words ? [make("p", { "data-level": level }, words)] : []));
  }

  /** Show why a source was refused, and move the cursor to the place. @param {any} error */
  refused(error) {
    this.drop();
    this.#show(error, true);
  }

  /**
   * Add the mistakes of the code that runs to the message, and mark the first.
   * @param {readonly Api.SandboxWarning[]} [found]
   */
  warn(found = []) {
    const [first] = found;
    if (!first) return;
    this.said.append(failureBox(
      found.slice(0, MOST_WARNINGS).map(({ line, text }) => html`<p>${withLinks(sentence(`${placed(line)}: ${text}`), this.go)}</p>`)));
    this.editor.mark(first.line, columnOf(this.editor.value, first.line), first.text, false);
    this.editor.reveal(first.line);
    this.#spoke = true; // it goes with the mark
    this.#calls(first.line);
  }

  async #look() {
    const mine = (this.#asked += 1);
    if (!this.editor.value.trim()) return this.#well();
    try {
      await platform("POST", "/sandboxes?dry_run=true", { sandbox_id: "look", source: this.editor.value });
      if (mine === this.#asked) this.#well();
    } catch (error) {
      if (mine !== this.#asked) return;
      if (placeOf(/** @type {any} */ (error).message ?? "") || /** @type {any} */ (error).code === "missing_scope")
        this.#show(error, false);
      else this.#well(); // the page shows if this machine cannot start sandboxes
      this.#spoke = true;
    }
  }

  /** Note the line that the message calls wrong. @param {number} line  0 for none */
  #calls(line) {
    const text = lineOf(this.editor.value, line);
    this.#about = line ? { text, count: this.#count(text) } : null;
    this.onproblem(line);
  }

  /** @param {string} text  of a line */
  #count(text) {
    return this.editor.value.split("\n").filter((one) => one.trim() === text.trim()).length;
  }

  #withdraw() {
    this.editor.unmark();
    this.tell("");
  }

  #well() {
    this.editor.unmark();
    this.onproblem(0);
    if (this.#spoke) this.tell("");
  }

  /** @param {any} error @param {boolean} go */
  #show(error, go) {
    const said = error.message ?? "", raised = raisedIn(said), exact = placeOf(said);
    const place = raised && !/, column \d/.test(said) ? { line: raised.line, column: columnOf(this.editor.value, raised.line) } : exact;
    if (place) this.editor.mark(place.line, place.column, raised?.error ?? said, go);
    else this.editor.unmark();
    if (error.code === "missing_scope") this.#suggestSignIn();
    else if (raised) this.#showFailure(said, error.hint ?? "");
    else this.tell(linedText([said.replace(/^source: /, ""), error.hint].filter(Boolean).join(" — ")), "bad");
    this.#spoke = /^source: line/.test(said); // an error of Python's parser goes with its mark, once it is corrected
    this.#calls(place && error.code !== "missing_scope" ? place.line : 0);
  }

  /** @param {string} message @param {string} hint */
  #showFailure(message, hint) {
    this.#spoke = false;
    this.said.replaceChildren(failureBox([failure(message, this.go), hint ? make("p", {}, sentence(hint)) : ""]));
  }

  /** Ask for a sign-in: unlike demos and templates, changed code requires a credential. */
  #suggestSignIn() {
    const here = location.pathname.slice(root().length) + location.search;
    this.said.replaceChildren(
      make("p", { "data-level": "bad" }, "Code of your own takes the scope code, which the owner's credential has: ",
        make("a", { href: `${root()}/sign-in?next=${encodeURIComponent(here)}` }, "sign in with it"),
        ". Your draft is kept. On the machine of the platform ", make("code", {}, command("token")),
        " prints it. Demos and unchanged templates start without."));
  }
}

/** Return the box of a failure below the editor. @param {unknown} content */
function failureBox(content) {
  const box = make("div", { class: "failure", "data-level": "bad" });
  render(content, box);
  return box;
}
