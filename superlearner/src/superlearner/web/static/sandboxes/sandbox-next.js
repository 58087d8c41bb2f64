/**
 * The next step below the bar of the Playground: what to try with the sandbox that is shown.
 *
 * @module
 */

import { byId } from "../base/dom.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { handlesCrash } from "./known-messages.js";
import { at } from "./sandbox-words.js";

/** @import { Sandbox } from "./sandbox-words.js" */
/** @typedef {{name: string, line: number, ended?: boolean}} At */

const place = byId("next-step", HTMLElement);
const KEYS = html`<span class="for-keys"> (Ctrl-Enter)</span>`;
/** @type {Sandbox["status"]} */ let status = "starting";
/** The crash that is marked in the editor. @type {At|null} */ let crash = null;
/** A process of it has ended. */ let ended = false;
/** Its code was changed while it ran. */ let changed = false;
/** The code of the editor was refused. */ let refused = false;
/** The code has a message that makes it crash. */ let crashes = false;

/** Begin with another sandbox. */
export function beginSteps() {
  [crash, ended, changed, refused] = [null, false, false, false];
}

/** @param {Sandbox["status"]} now @param {string|null} source  that runs */
export function stepOf(now, source) {
  status = now;
  crashes = handlesCrash(source ?? "");
  draw();
}

/** @param {At} at */
export function stepAfterCrash(at) {
  crash = at;
  draw();
}

/** @param {boolean} some  whether a process was started again */
export function stepAfterEnd(some) {
  if (ended === some) return;
  ended = some;
  draw();
}

/** The code of the editor runs now, without the crash of the former one. */
export function stepAfterRun() {
  [crash, changed, refused] = [null, true, false];
  draw();
}

/** The code of the editor does not run; what ran before goes on. */
export function stepAfterRefusal() {
  refused = true;
  draw();
}

const REFUSED = "this code does not run: the message below it says why. The tree still runs the previous code.";

const toCrash = () => (crashes
  ? html`select a process in the tree and send it the cast <code>crash</code>.`
  : html`raise an error in a callback, and press Run${KEYS}.`);

function step() {
  if (refused && status === "running")
    return html`${REFUSED} Correct it and press Run${KEYS}.`;
  const did = crash?.ended ? "ended" : "crashed";
  if (crash) return html`${at(crash.line)}, where ${crash.name} ${did}, is marked. Fix it and press Run${KEYS}.`;
  if (status === "ended") return html`change the code and press Run${KEYS}, which starts it again.`;
  if (status !== "running") return null;
  if (changed) return html`the new code runs. Kill a process in the tree, or make one crash, and see what is different.`;
  if (ended) return html`read under <b>What happened</b> who was started again. Or make one crash: ${toCrash()}`;
  return html`kill a process in the tree; its supervisor starts it again. Or make one crash: ${toCrash()}`;
}

function draw() {
  const what = step();
  render(what ? html`<b>Next:</b> ${what}` : nothing, place);
}
