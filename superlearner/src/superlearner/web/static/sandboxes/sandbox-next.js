/**
 * The next step below the bar of the Playground: what to try with the sandbox that is shown.
 *
 * @module
 */

import { byId } from "../base/dom.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { handlesCrash } from "./known-messages.js";
import { afterInput, at, growthIn, isStopped, keepsNone, limitIn, nextOf } from "./sandbox-words.js";

/** @import { Sandbox, Situation, spentIn } from "./sandbox-words.js" */
/** @typedef {{name: string, line: number, reason?: string, hint?: string|null, ended?: boolean, because?: boolean}} At */
/** @typedef {{name: string, before: string|null, after: string|null}} Server */

const place = byId("next-step", HTMLElement);
const KEYS = html`<span class="for-keys"> (Ctrl-Enter)</span>`;
/** @type {Situation} */ let situation = { status: "starting", last: "start", typed: false, other: false };
/** @type {At} */ let crash = { name: "", line: 0 };
/** The process that crashed before the newest run goes on with None as its state. */ let without = false;
/** The newest run changed an `init`, and no process has started since. */ let untried = false;
/** Processes run newer code than they started with. */ let reloaded = false;
/** The supervisor without restarts left. @type {ReturnType<typeof spentIn>} */ let spent = null;
/** The process that was not started again. @type {{who: string, restart: string, line: number}|null} */ let left = null;
let restarts = 0;
/** The line that may have used up the memory; 0 if unknown. */ let grows = 0;
let crashes = false;
/** The docstring of the code says what crashes. */ let describesCrash = false;

export function beginSteps() {
  restarts = 0;
  reloaded = false;
  stepAfterEnd(null, false);
  spent = null;
  situation.busy = "";
  crash = { name: "", line: 0 };
  follow("start");
}

/** @param {Sandbox} one @param {string|null} source  that runs */
export function stepOf(one, source) {
  situation.status = one.status;
  situation.stopped = isStopped(one);
  situation.limit = limitIn(one.reason ?? "");
  grows = situation.limit === "memory" ? growthIn(source ?? "") : 0;
  crashes = handlesCrash(source ?? "");
  describesCrash = /^"""(?:(?!""")[^])*\bcrashes\b/.test(source ?? "");
  draw();
}

/** @param {At} at @param {boolean} other  the editor has another text at its line @param {boolean} raised  its line is a `raise` */
export function stepAfterCrash(at, other, raised) {
  crash = at;
  situation.raised = raised;
  follow("crash", other);
}

/** @param {number} count  how many restarts there have been */
export function stepAfterRestarts(count) {
  const more = count > restarts;
  restarts = count;
  if (more && (situation.last === "start" || situation.last === "run")) follow("end");
}

/**
 * @param {{who: string, restart: string, line: number}|null} one  that was not started again @param {boolean} bare  nothing is left
 */
export function stepAfterEnd(one, bare) {
  if (left?.who === one?.who && left?.line === one?.line && situation.bare === bare) return;
  left = one;
  situation = { ...situation, left: one !== null, bare };
  draw();
}

/** @param {typeof spent} one  without restarts left */
export function stepAtLimit(one) {
  if (spent?.who === one?.who) return;
  spent = one;
  draw();
}

export const stepAfterKill = () => follow("end");

/** The text was changed. @param {boolean} other  it is not the one that runs @param {boolean} [says]  a message is below it */
export function stepAfterInput(other, says) {
  const next = afterInput(situation, other, says);
  if (next.typed === situation.typed && next.last === situation.last && next.busy === situation.busy) return;
  situation = next;
  draw();
}

export function stepAfterStart() {
  reloaded = false;
  follow("starting");
}

/**
 * The code of the editor runs now, without the crash of the former one.
 * @param {readonly Server[]} [servers]  that went on with their states
 * @param {boolean} [init]  they kept running without the changed `init` of this code
 */
export function stepAfterRun(servers = [], init = false) {
  untried = init;
  reloaded ||= servers.length > 0;
  without = keepsNone(servers, crash.name);
  situation.busy = "";
  follow("run");
}

/** The message below the editor calls a line wrong, or none any more. @param {number} line  0 for none */
export function stepAfterProblem(line) {
  if (situation.wrong === line) return;
  situation.wrong = line;
  draw();
}

/** A request to run the editor's code failed. @param {string} code  error code @param {string} [busy]  the process that did not switch */
export function stepAfterRefusal(code, busy = "") {
  situation.busy = busy;
  follow("refusal");
  if (/busy|unavailable|timeout/.test(code)) stepAfterInput(true);
}

/** Return whether only a restart gets the code of the editor to run. */
export const needsRestart = () => nextOf(situation) === "restart";

/** @param {Situation["last"]} last @param {boolean} [other] */
function follow(last, other = false) {
  situation = { ...situation, last, typed: false, other };
  draw();
}

const toCrash = () => (crashes
  ? html`select a process in the tree and send it the cast <code>crash</code>.`
  : describesCrash ? "the text at the top of the code says how."
  : html`raise an error in a callback, and press Run${KEYS}.`);
const limit = () => (spent ? html` ${spent.who} has no restarts left${spent.until === null ? "" : " for now"}: one more end, and it gives
  up.` : nothing);
const did = () => (crash.ended ? "ended" : "crashed");

/** @type {Record<string, () => unknown>} */
const STEPS = {
  kill: () => html`kill a process in the tree${spent ? "." : "; its supervisor starts it again."} Or make one crash:
    ${toCrash()}${limit()}`,
  read: () => html`read under <b>What happened</b> which processes were restarted. Or make one crash: ${toCrash()}${limit()}`,
  raised: () => html`${at(crash.line)} raises this error on purpose. Read under <b>What happened</b> what the supervisor of
    ${crash.name} did. Then change the code and press Run${KEYS}.`,
  left: () => html`press <b>Restart</b> to start ${left?.who} again. If its supervisor should restart it next time,
    change <code>restart</code> in its child spec first.`,
  bare: () => html`add a child to the top supervisor, which has none running, and press <b>Restart</b>.`,
  try: () => untried && !without
    ? html`press <b>Restart</b> to try the new <code>init</code>: it runs when a process starts. The other new code is running.`
    : html`the new code is running${without
    ? html`, and ${crash.name} kept its state, <code>None</code>: Restart gives it a new one`
    : nothing}. Kill a process in the tree, or make one crash, and see what is different.${limit()}`,
  fix: () => crash.reason?.includes("no case matches ")
    ? html`send another message, or add a case for this one and press Run${KEYS}.`
    : reloaded && crash.hint?.includes("(restart it)")
    ? html`press <b>Restart</b>: ${crash.name} still starts with the old argument.`
    : html`${at(crash.line)}, ${crash.because ? "for which" : "where"} ${crash.name} ${did()}, is marked. Fix it and press
    Run${KEYS}.`,
  compare: () => html`${crash.name} ${did()} ${crash.because ? "because of" : "at"} ${at(crash.line)} of the code that ran, and this text
    differs there. Press Run${KEYS} to try it.`,
  correct: () => html`this code does not run: the message below it says why. The tree still runs the previous code. Correct it and press
    Run${KEYS}.`,
  restart: () => html`press <b>Restart</b>: ${situation.busy} still runs the old code and is too busy to switch.`,
  mend: () => html`this code did not start: the message below it says why. Correct it and press Run${KEYS}.`,
  line: () => html`correct ${at(situation.wrong ?? 0)} first: the message below the editor says what is wrong.`,
  change: () => html`press Run${KEYS}: the tree switches to this code.`,
  start: () => html`press Run${KEYS} to start this code.`,
  limit: () => html`look for code that never stops, such as ${grows
    ? html`${at(grows)}, which adds data in a loop`
    : `a loop that ${{ memory: "stores", output: "prints" }[situation.limit ?? ""] ?? "computes"} more and more`}. Change it and press
    Run${KEYS}: the same code would reach the limit again.`,
  again: () => html`press Run${KEYS} to start it again.`,
};

function draw() {
  const what = STEPS[nextOf(situation)]?.();
  render(what ? html`<b>Next:</b> ${what}` : nothing, place);
}
