/**
 * `<learner-answer>`: the newest answer of a learner to an exercise, with line numbers; the line that the verdict names is marked.
 *
 * @module
 */

import { SlCode } from "../components/code-editor.js";
import { heightOf } from "../lesson/editing.js";

/** Lines that it shows; longer answers scroll. */
const MOST_LINES = 24;

class LearnerAnswer extends HTMLElement {
  #code = new SlCode();

  connectedCallback() {
    this.append(this.#code);
  }

  /** @param {{title: string, source: string, said: string}} shown */
  set answer({ title, source, said }) {
    const code = this.#code, line = Number(/^line (\d+): /.exec(said)?.[1] ?? 0);
    code.setAttribute("label", `Newest answer to ${title}`);
    code.lock(true);
    if (code.value !== source || code.dataset.said !== said) {
      code.value = source;
      code.dataset.said = said;
      code.style.height = heightOf(Math.min(MOST_LINES, source.split("\n").length + 1));
      code.unmark();
      if (line) code.mark(line, 1, said, false);
    }
    if (line) this.closest("details")?.addEventListener("toggle", () => code.reveal(line), { once: true });
  }
}

customElements.define("learner-answer", LearnerAnswer);
