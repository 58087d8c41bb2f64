/**
 * The editor of the Playground and the lines below it: the draft, the answer to *Run*, and the crash of running code,
 * which is marked at its line.
 *
 * @module
 */

import { byId, icon, make, mend, renew } from "../base/dom.js";
import { sentence } from "../base/words.js";
import { SlCode } from "../components/code-editor.js";
import { DraftNote } from "./draft-note.js";
import { linedText } from "../process/message-text.js";
import { at, columnOf } from "./sandbox-words.js";
import { SyntaxCheck } from "./syntax-check.js";

/** @import { Wall } from "./sandbox-words.js" */
/**
 * A crash, or the end of the program. `because`: the line is that of the mistake, and the crash was at another.
 * @typedef {{name: string, line: number, reason: string, hint: string|null, ended?: boolean, because?: boolean}} Crash
 */

/** Time after the last key for which the user counts as typing. */
const TYPING_MS = 3000;

/** The mark, the list of events and the box of an end leave the cause to the message below the code. */
const BELOW = "the message below the code says why";

/** Milliseconds after which a start counts as long. */
const LONG_START_MS = 1500;

export const editor = byId("source", SlCode);
export const check = new SyntaxCheck(editor, byId("said", HTMLElement), (line, message) => goTo(line, message));
export const note = new DraftNote(byId("draft", HTMLElement));
const crashed = byId("crashed", HTMLElement);
let typed = -Infinity;
/** The line to show as soon as the editor is visible: on a phone it may be behind a tab. */ let hidden = 0;

editor.addEventListener("input", () => {
  typed = performance.now();
  note.pass();
});

/** Return whether the user is typing. */
const typing = () => document.activeElement === editor && performance.now() - typed < TYPING_MS;

/** Report that the code is starting, and after a while, what ends a long start. */
export function reportStart() {
  const words = "Starting…";
  note.pass();
  check.tell(words);
  setTimeout(() => {
    if (check.said.textContent === words)
      check.tell("Still starting. If an init holds the loop, the start ends after 5 s and the line is shown.");
  }, LONG_START_MS);
}

/** Say which process was not restarted, and why. @param {{who: string, restart: string, line: number}|null} left */
export function showLeft(left) {
  const go = make("button", { type: "button", class: "link" }, left?.line ? at(left.line) : "");
  go.onclick = () => left && goTo(left.line, option);
  const option = `restart="${left?.restart}"`;
  renew(byId("left", HTMLElement), left
    ? [make("p", {}, `${left.who} ${left.restart === "transient" ? "ended normally and " : ""}was not restarted: its child spec has `,
      make("code", {}, option), ...(left.line ? [" (", go, ")"] : []))]
    : []);
}

/** Return whether the message of a crash is shown. */
export const hasCrash = () => crashed.childElementCount > 0;

/** Remove the message of a crash; its mark goes with the next text. */
export function calm() {
  crashed.replaceChildren();
}

/** Mark a line and move the cursor there. @param {number} line @param {string} message */
export function goTo(line, message) {
  document.getElementById("panes")?.querySelector("button")?.click(); // on a phone the code is behind a tab
  editor.mark(line, columnOf(editor.value, line), linedText(message));
  editor.focus();
}

/**
 * Mark the line at which a process crashed, and show it unless the user is typing or has changed the text.
 * @param {Crash} crash
 * @param {boolean} edited  the text is not the one that crashed
 * @param {number} version  of the code that crashed, if this text differs at that line; else 0
 */
export function showCrash({ name, line, reason, hint, ended = false, because = false }, edited, version) {
  if (check.said.querySelector("[data-level=ok]")) check.tell("");
  const did = `${name} ${ended ? "ended" : "crashed"}`, words = `${did} ${because ? "because of this" : "here"}: ${BELOW}`;
  const go = make("button", { type: "button", class: "link" }, at(line));
  go.onclick = () => goTo(line, words);
  const where = version ? make("span", {}, `${at(line)} of version ${version} (this text differs there)`) : go;
  const withoutPlace = linedText(reason).replace(` (${at(line)})`, "");
  const what = hint ? withoutPlace.replace(/, which is not a result such as .*$/, "") : withoutPlace; // the hint says which are
  const again = !!hint && reason.endsWith(hint.slice(hint.indexOf(":") + 1)), why = again ? hint : what, other = again ? "" : hint;
  const more = other ? `${/[.?!]$/.test(why) ? "" : "."} ${sentence(other)}` : "";
  crashed.replaceChildren(
    make("p", {}, make("b", {}, `${did} ${because ? "because of" : "at"} `), where, ": ", make("code", {}, why),
      ...more.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part))));
  if (version) return;
  editor.mark(line, columnOf(editor.value, line), words, false);
  if (edited || typing()) return;
  editor.reveal(line);
  hidden = editor.offsetParent ? 0 : line;
}

/** Show the line of a crash that came while the editor was hidden. */
export function catchUp() {
  if (hidden) editor.reveal(hidden);
  hidden = 0;
}

/** @param {Element} list @param {Wall[]} all */
export function walls(list, all) {
  mend(list,
    all.map((one) => make("li", { "data-up": one.up ? "yes" : "no" }, icon(one.up ? "done" : "cross", "glyph"),
      make("b", {}, one.name, make("span", { class: "vh" }, one.up ? ", active" : ", missing"), one.required ? "" : " (not required)"),
      make("p", { title: one.up ? one.says : null }, one.up ? one.means : `${one.means}: ${one.says}`))));
}
