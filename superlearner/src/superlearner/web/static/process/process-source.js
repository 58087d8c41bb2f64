/**
 * The part Source of the tab Code: the callback that runs, or in which the previous process crashed, with the line
 * marked, and the other functions of its class.
 *
 * @module
 */

import { copyButton } from "../base/copying.js";
import { make } from "../base/dom.js";
import { ask } from "./process-asks.js";
import { Panel } from "./process-panel.js";

/** @import { Seen } from "./process-tabs.js" */

/** @extends {Panel<Api.SourceView>} */
export class SlSource extends Panel {
  /** The requested place or callback; "" is the first known one. */ #wanted = "";
  /** @type {Api.SourceView|null} */ #drawn = null;
  #pick = make("select", { "aria-label": "Function", id: "source-of" });

  connectedCallback() {
    this.#pick.onchange = () => {
      this.#wanted = this.#pick.value;
      this.again();
    };
    super.connectedCallback();
  }

  /** @override @param {string} pid @param {AbortSignal} signal */
  read(pid, signal) {
    const [what, name] = this.#wanted.split(":");
    return ask(pid, "source", { place: what === "place" ? name : null, callback: what === "callback" ? name : null }, signal);
  }

  /** @override */
  forget() {
    this.#wanted = "";
  }

  /** @override @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row.pid !== before.row.pid || seen.row.restarts !== before.row.restarts || seen.row.state !== before.row.state;
  }

  /** @override @param {Seen} _seen */
  paint(_seen) {
    const details = this.known;
    if (details === this.#drawn) return;
    this.#drawn = details;
    if (!details) return this.content.replaceChildren();
    const focused = document.activeElement === this.#pick;
    const callback = details.callbacks.some(({ name }) => name === details.function) ? `callback:${details.function}` : "";
    const first = details.busy ? "where it stands now" : details.crashed ? "where it last crashed" : callback ? null : "its class";
    const choices = [
      ...(first ? [["", first]] : []),
      ...(details.busy && details.crashed ? [["place:crash", "where it last crashed"]] : []),
      ...details.callbacks.map((one) => [`callback:${one.name}`, one.name])];
    this.#pick.replaceChildren(...choices.map(([value, words]) => make("option", { value: value ?? "" }, words ?? "")));
    this.#pick.value = this.#wanted || (first ? "" : callback);
    const at = details.line ?? details.first_line;
    const short = details.file.split("/").at(-1) ?? details.file;
    const headline = {
      now: `It stands in ${details.function ?? "this place"}, at line ${at}.`,
      crash: `It last crashed in ${details.function ?? "this place"}, at line ${at}:`,
      class: `${details.function ?? "Lines"} of ${short}.`,
    }[details.why];
    const indent = Math.min(
      ...details.lines.filter((parts) => parts.length).map((parts) => /^ */.exec(parts.map(([, text]) => text).join(""))?.[0].length ?? 0));
    const code = make("pre", { class: "source", tabindex: 0, role: "group", "aria-label": `Source of ${details.function ?? short}` },
      ...details.lines.map((parts, index) => {
        const number = details.first_line + index;
        const here = number === details.line;
        return make("span", { class: "ln", "data-here": here ? details.why : null }, make("i", { "data-line": number }),
          here ? make("span", { class: "vh" }, details.why === "crash" ? "crashed here: " : "stands here: ") : null,
          ...dedented(parts, indent).map(([look, text]) => (look ? make("span", { class: look }, text) : text)), "\n");
      }));
    this.content.replaceChildren(
      make("section", {},
        make("p", { class: "depth" }, headline, details.reason ? " " : "",
          details.reason ? make("code", { class: "bad" }, details.reason) : null),
        make("div", { class: "acts" }, make("label", { for: "source-of", class: "vh" }, "Function"), this.#pick),
        make("p", { class: "place" },
          make("code", { title: details.file }, `${details.file.split("/").slice(-2).join("/")}:${at}`),
          copyButton(() => `${details.file}:${at}`, "Copy", "Copy file and line", "btn quiet copy")),
        code,
        details.cut ? make("p", { class: "hint" }, "The function is longer; this is the part around the line.") : null));
    if (focused) this.#pick.focus();
  }
}

/** Return a line without its indentation. @param {string[][]} parts @param {number} indent */
function dedented(parts, indent) {
  let left = Number.isFinite(indent) ? indent : 0;
  return parts.map(([look, text = ""]) => {
    const cut = Math.min(left, text.length);
    left -= cut;
    return [look, text.slice(cut)];
  });
}

customElements.define("sl-source", SlSource);
