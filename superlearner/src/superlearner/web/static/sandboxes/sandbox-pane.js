/**
 * The sandbox that is shown: its code with *Run*, its tree, what happened, output, versions, limits.
 *
 * @module
 */

import { platform, requestOn } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { attribute, byId, closest, make, mend, renew, write } from "../base/dom.js";
import { drafts, sources } from "./draft-note.js";
import { calm, check, editor, goTo, hasCrash, note, showCrash, showLeft, reportStart, walls } from "./sandbox-bench.js";
import { showEvents, showNotices, showRestarts, wireHappened } from "./sandbox-happened.js";
import {
  beginSteps, needsRestart, stepAfterCrash, stepAfterEnd, stepAfterInput, stepAfterKill, stepAfterProblem, stepAfterRefusal,
  stepAfterRestarts, stepAfterRun, stepAfterStart, stepAtLimit, stepOf,
} from "./sandbox-next.js";
import { fell, follow, fromNow, ignore, leave, nowThere, playAgain, rowsNow, since, top, wireTree } from "./sandbox-tree.js";
import { failure, withLinks } from "./sandbox-failure.js";
import { dropAnswer, offerFrom } from "./sandbox-selection.js";
import {
  blame, busyIn, crashOfEnd, crashOfRun, hasError, initsOf, isBare, isStopped, leftOf, limitsOf, lineOf, lineOfExit, lookOf,
  noticesOfRun, optionsOf, placed, raisedIn, raisesItself, remedyOf, spentIn, told, upText, withCause, withoutCrash,
} from "./sandbox-words.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { tabs } from "../components/tab-list.js";
import { complain, toast } from "../base/toast.js";
import { counted, sentence, time } from "../base/words.js";

/** @import { Sandbox } from "./sandbox-words.js" */

/** @param {string} words @param {string} [level] */
const tell = (words, level) => check.tell(words, level);
/** @type {import("./drafts.js").Drafts|null} */ let kept = null;
/** The source that runs and its options, for when the server has lost it. @type {import("./drafts.js").Drafts|null} */ let backups = null;
let limit = 0;
/** True if the message below the editor says why the source cannot be read. */
let unread = false;
/** @type {Sandbox|null} */ let shown = null;
let part = "part-happened";
/** The running source as it was read; the editor may differ. @type {string|null} */
let known = null;
let version = 0;
/** How often the sandbox had been restarted when its code was read. */ let restarts = 0;
/** Its code was changed elsewhere; the page does not show that yet. */ let altered = false;
/** When this code began to run, by its notices. */ let begun = 0;
/** The events of the tree that runs. @type {readonly import("../live/model.js").FeedEvent[]} */ let ends = [];
/** The crash with which the newest run of a sandbox ended, from the store. @type {ReturnType<typeof crashOfRun>} */ let stored = null;
let running = false;
/** Run was pressed, and is to be done as soon as it can be. */ let waiting = false;
/** The text that was sent last. */ let sent = "";
/** The number of starts and reloads: what was asked before one is about the code before it. */ let attempt = 0;
/** A start was refused before anything ran, so an end that is shown is that of the previous run. */
let unstarted = false;
/** @type {() => Promise<void>} */ let refresh = async () => {};
/** @type {() => void} */ let lookAtTree = () => {};
/** @type {(id: string) => void} */ let showTab = () => {};

/** @param {() => Promise<void>} again  loads the sandboxes again @param {() => void} toTree  switches a phone from the code to the tree */
export function wire(again, toTree) {
  refresh = again;
  lookAtTree = toTree;
  showTab = tabs(byId("tab-happened", HTMLElement).parentElement ?? document.body, (id) => {
    part = id;
    void load();
  });
  byId("restart", HTMLButtonElement).onclick = () => void restart();
  byId("stop", HTMLButtonElement).onclick = () => void stop();
  byId("destroy", HTMLButtonElement).onclick = () => void destroy();
  byId("versions", HTMLElement).onclick = (event) => {
    const number = closest(event.target, "button")?.dataset["version"];
    if (number) void reload({ version: Number(number) });
  };
  check.onproblem = stepAfterProblem;
  editor.addEventListener("input", () => {
    if (!shown) return;
    if (edited()) check.later();
    else check.clear();
    keep();
    stepAfterInput(edited(), check.said.childElementCount > 0);
  });
  wireTree((events, at, node, run) => {
    showEvents(events, at, node, run);
    ends = node ? events : [];
    drawLeft();
    stepAfterRestarts(events.filter(({ parts }) => parts?.restarted?.length).length);
  }, (crash) => known !== null && (crash ? reportCrash(crash) : forgetCrash()), () => {
    showTab("part-process");
    offerFrom(editor.value);
  }, drawLeft);
  wireHappened(goTo);
  const messages = new MutationObserver(drawReason); // the box names the message below the code, which goes with the next text
  for (const place of [check.said, byId("crashed", HTMLElement)]) messages.observe(place, { childList: true });
}

const path = () => `/sandboxes/${encodeURIComponent(shown?.id ?? "")}`;
const edited = () => known !== null && editor.value !== known;
/** Return the name of the draft; a later sandbox of the same id has another. */
const draftOf = () => `sandbox:${shown?.id}:${shown?.created_at}`;
/** Set the source that runs, and keep it in this browser. @param {string|null} source */
function knows(source) {
  known = source;
  drawLeft();
  if (shown) stepOf(shown, source);
  if (shown && source !== null) backups?.later(`sandbox:${shown.id}`, source, version, optionsOf(shown));
}
/** Show the process that was not started again, and whether a supervisor has no restarts left. */
function drawLeft() {
  const rows = rowsNow(), left = leftOf(ends, known ?? "", rows), now = nowThere(), spent = spentIn(rows, now);
  showLeft(left);
  stepAfterEnd(left, isBare(rows));
  stepAtLimit(spent);
  clearTimeout(limit);
  if (spent?.until) limit = setTimeout(drawLeft, (spent.until - now) * 1000 + 50);
}

/** Keep the draft, or drop it if it is the running source. */
const keep = () => shown && known !== null && kept?.later(draftOf(), edited() ? editor.value : null, version);

/**
 * Show a sandbox.
 * @param {Sandbox} one
 * @param {string|null} [source]  that has just been started from the editor, which keeps it
 */
export function show(one, source = null) {
  const before = shown;
  shown = one;
  if (before?.id === one.id && before.status === "running" && one.status === "ended" && check.said.querySelector("[data-level=ok]"))
    tell("");
  if (before?.id !== one.id || before.created_at !== one.created_at) begin(source);
  write(byId("one-title", HTMLElement), one.id);
  const status = byId("one-status", HTMLElement);
  write(status, one.status);
  attribute(byId("one", HTMLElement), "data-state", lookOf(one));
  write(byId("one-counts", HTMLElement), told(one, Date.now() / 1000));
  byId("open-tree", HTMLElement).hidden = one.status !== "running";
  const reason = byId("one-reason", HTMLElement);
  reason.hidden = !one.reason;
  const moves = one.status === "starting" || one.status === "stopping";
  byId("restart", HTMLButtonElement).disabled = moves || one.status === "ended";
  byId("stop", HTMLButtonElement).disabled = one.status !== "running";
  walls(byId("about-walls", HTMLElement), one.walls);
  write(byId("about-walls-says", HTMLElement),
    one.walls.length
      ? `${upText(one.walls)}${one.walls.every((wall) => wall.up)
        ? ""
        : `; missing: ${one.walls.filter((wall) => !wall.up).map((wall) => wall.name).join(", ")}`}`
      : "No isolation layers are known yet");
  renew(byId("about-limits", HTMLElement), limitsOf(one).flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
  follow(one);
  if (before?.id === one.id && before.status !== "ended" && one.status === "ended") {
    if (isStopped(one)) calm();
    showExit(one);
  }
  drawReason();
  stepOf(one, known);
  void load();
  runLater();
}

/** Do the Run that was pressed while it could not be done. */
function runLater() {
  if (!waiting || running || shown?.status !== "running" && shown?.status !== "ended") return;
  waiting = false;
  void run();
}

/** Return whether the editor shows the code of a sandbox. @param {string} id */
export const shows = (id) => shown?.id === id && known !== null;

/** Show why it has ended; the message of a crash below the code has the cause. */
function drawReason() {
  if (shown?.reason) render(why(shown.reason, shown.status === "ended"), byId("one-reason", HTMLElement));
}

/** @param {string} reason @param {boolean} ended */
function why(reason, ended) {
  const who = unstarted ? "The previous run has" : "It has";
  const title = html`<b>${ended ? `${who} ended: ` : "It is stopping: "}</b>`;
  const more = ended ? `${remedyOf(reason)} Run starts it again; its options stay.`.trim() : "";
  const line = lineOfExit(reason, known ?? ""), brief = hasCrash() ? withoutCrash(reason) : reason;
  const full = line && !reason.endsWith(placed(line)) ? `${reason}: ${placed(line)}` : brief;
  const fall = ended && fell() ? html`<button type="button" class="btn" @click=${playAgain}>Watch how it ended</button>` : nothing;
  if (ended && hasError(reason, check.said.textContent ?? ""))
    return html`<p><b>It did not start.</b> The message below the code says why.</p>`;
  return raisedIn(reason)
    ? html`<p><b>${who} ended.</b></p>${failure(reason, goTo)}<p>${more}</p>`
    : html`<p>${title}${withLinks(full, goTo)}${ended ? ". " : ""}${brief === reason ? "" : "The message below the code says why. "}${more}
      </p>${fall}`;
}

/** Mark the line that ended the program; that of the last crash if its own report did not arrive. @param {Sandbox} one */
function showExit({ id, reason }) {
  if (known === null || !reason || running) return; // it is replaced
  const line = lineOfExit(reason, known), crash = crashOfEnd(reason);
  if (line) reportCrash({ name: id, line, reason: reason.replace(`: ${placed(line)}`, ""), hint: null, ended: true });
  else if (crash && !hasCrash()) reportCrash(crash);
}

/** Mark the crash that the store has of a sandbox that has ended: the events went with its program. */
function showStored() {
  if (!stored || running || shown?.status !== "ended" || known === null) return;
  if (!isStopped(shown) && !hasCrash() && !lineOfExit(shown.reason ?? "", known)) reportCrash(stored);
}

/** @param {import("./sandbox-bench.js").Crash} crash */
function reportCrash(crash) {
  const better = withCause(blame(crash), shown?.warnings ?? []);
  const other = lineOf(editor.value, better.line) !== lineOf(known ?? "", better.line);
  showCrash(better, edited(), other ? version : 0);
  stepAfterCrash(better, other, raisesItself(lineOf(known ?? "", better.line)));
}

/** Remove the crash that is shown: something else ended the program. */
function forgetCrash() {
  calm();
  if (!edited()) editor.unmark(); // later input has its own marks
  stepAfterKill();
  stepAfterInput(edited());
}

/** Leave the editor to another sandbox. */
export function hide() {
  if (!shown) return;
  shown = null;
  leave();
}

/** Reset the pane for another sandbox. @param {string|null} source */
function begin(source) {
  beginSteps();
  unstarted = false;
  stored = null;
  check.drop();
  calm();
  showNotices([], "", "");
  showRestarts([], "", 0);
  byId("reload-report", HTMLElement).replaceChildren();
  version = source === null ? 0 : 1;
  [restarts, altered] = [shown?.restart_count ?? 0, false];
  knows(source);
  editor.unmark();
  if (source !== null) return;
  editor.lock(true); // until its source is read, which would overwrite earlier input
  tell("");
  note.hide();
}

/**
 * Run the text in the editor: start the sandbox again if it has ended, else change its code. While it is starting or stopping, or a
 * request is under way, that is done afterwards.
 */
export async function run() {
  if (!shown || known === null && shown.status === "running") return;
  if (running) {
    waiting = editor.value !== sent;
    return;
  }
  note.pass();
  if (shown.status === "ended") await again(edited() ? editor.value : undefined, "It runs again.");
  else if (shown.status !== "running") {
    waiting = true;
    tell(`${shown.id} is ${shown.status}; then this code runs.`);
  } else if (edited()) await reload({ source: editor.value });
  else
    await platform("GET", path()).then((/** @type {Sandbox} */ { warnings }) => {
      tell(`This source runs already${warnings ? `, and it has ${mistakes(warnings)}` : ""}. Restart starts its tree again, with new `
        + "states.", "ok");
      check.warn(warnings);
    }, (error) => check.refused(error));
}

/** Load the source and the content of the open tab. */
async function load() {
  if (!shown) return;
  const id = shown.id, of = attempt;
  const stays = () => shown?.id === id && of === attempt;
  /** @type {Record<string, [string, (answer: any) => void]>} */
  const loads = {
    "part-output": ["/output", output], "part-happened": ["/notices", happened], "part-versions": ["/versions", versions],
  };
  const [what, paint] = loads[part] ?? ["", () => {}];
  const read = async (/** @type {string} */ of, /** @type {(answer: any) => void} */ take, /** @type {(error: any) => void} */ fail) => {
    try {
      const answer = await platform("GET", `/sandboxes/${encodeURIComponent(id)}${of}`);
      if (stays()) take(answer);
    } catch (error) {
      if (stays()) fail(error);
    }
  };
  if (!kept || !backups) {
    [kept, backups] = await Promise.all([drafts(), sources()]).catch(() => [null, null]);
    if (shown?.id === id) knows(known);
  }
  if (shown?.id !== id) return;
  await Promise.all([
    read("/source", code, unreadable),
    what
      ? read(what, paint, (error) => part === "part-output" && write(byId("output", HTMLElement), error.words ?? error.message))
      : null,
  ]);
  if (stays() && what === "/notices" && known !== null) since(begun);
}

/** Show the notices and the stored restarts of a sandbox. @param {readonly Api.SandboxNotice[]} notices */
async function happened(notices) {
  const about = shown, of = attempt;
  showNotices(notices, about?.id ?? "", about?.node ?? "");
  begun = Math.max(0, ...notices.flatMap(({ at, text }) => (text.startsWith(`sandbox ${about?.id} runs `) ? [at] : [])));
  if (!about || about.status !== "ended" && !about.restart_count) return showRestarts([], about?.node ?? "", 0);
  /** @type {Api.RestartLine[]} */
  const found = await requestOn(about.node, "GET", "/restarts?settled=true&fold=false").catch(() => []);
  const restarts = found.filter(({ incident }) => !incident);
  if (shown?.id !== about.id || shown.status !== about.status || of !== attempt) return;
  showRestarts(restarts, about.node, about.created_at);
  stored = crashOfRun(restarts, Math.max(about.created_at, noticesOfRun(notices, about.id, about.node).since));
  showStored();
}

/** @param {any} error */
function unreadable(error) {
  unread = true;
  if (!edited()) {
    editor.lock(true);
    known = null;
  }
  tell(error.words ?? error.message, "bad");
}

/** @param {Api.SandboxSource} answer */
function code(answer) {
  const first = known === null, runs = shown?.status === "running" && !running;
  const again = runs && !first && shown?.restart_count !== restarts;
  altered = !first && !running && (altered || known !== answer.source);
  if (runs && shown) restarts = shown.restart_count;
  const untouched = first || !edited();
  if (untouched) {
    editor.value = answer.source;
    editor.lock(false);
  }
  const other = version !== answer.version || untouched;
  version = answer.version;
  if (other && known !== answer.source) knows(answer.source);
  if (unread) tell("");
  unread = false;
  if (runs && (altered || again)) showRunner(answer, altered);
  altered &&= !runs;
  if (first) restore();
  if (first && shown?.status === "ended") showExit(shown);
  if (first) showStored();
  if (first && shown?.status === "running" && !edited()) check.warn(shown.warnings);
}

/** Show who ran this code, and clear what was shown before. @param {Api.SandboxSource} answer @param {boolean} changed  the code differs */
function showRunner({ by, version: number, source }, changed) {
  const who = by === document.documentElement.dataset.user ? "you" : by;
  const words = sentence(`${who} ${changed ? `changed the code and ran it (version ${number})` : "restarted the sandbox"}`);
  fromNow();
  calm();
  editor.unmark();
  stepAfterRun();
  tell(edited() && changed ? "" : words, "ok");
  if (edited()) {
    const mine = editor.value;
    check.later();
    stepAfterInput(true);
    if (changed)
      note.choose(`${words} Your edits are still here; Run replaces that code with them.`, source, mine, (text) => {
        put(text);
        stepAfterInput(edited());
      });
  } else check.warn(shown?.warnings ?? []);
}

/** Put a text into the editor, as if it were typed. @param {string} text */
function put(text) {
  editor.value = text;
  if (edited()) check.later();
  else check.clear();
  keep();
}

/** Restore the draft of the shown sandbox, if there is one. */
function restore() {
  const draft = kept?.find(draftOf());
  if (!draft || draft.text === known) return note.hide();
  put(draft.text);
  note.restored(draft,
    draft.version === version ? "" : `; it began from version ${draft.version}`,
    () => put(known ?? ""), ({ text }) => put(text));
}

/** Drop the draft if the editor still has the source that runs now. @param {string|undefined} source */
function done(source) {
  if (source === undefined || editor.value !== source) return;
  kept?.drop(draftOf());
  note.hide();
}

/** @param {{text: string, cut: boolean}} answer */
function output({ text, cut }) {
  const place = byId("output", HTMLElement);
  const below = place.scrollHeight - place.scrollTop - place.clientHeight < 40;
  write(place,
    text
      ? `${cut ? "… the newest of it:\n" : ""}${text}`
      : "It has printed nothing. What it writes to its standard output and error appears here, tracebacks among it.");
  if (below) place.scrollTop = place.scrollHeight;
}

/** @param {{version: number, current: boolean, created_at: number, by: string, lines: number}[]} all */
function versions(all) {
  const runs = shown?.status === "running";
  byId("no-versions", HTMLElement).hidden = all.length > 0;
  mend(byId("versions", HTMLElement),
    all.map((one) => make("tr", {},
      make("th", { scope: "row" }, String(one.version)),
      make("td", {}, time(one.created_at)), make("td", {}, one.by),
      make("td", { class: "num" }, String(one.lines)),
      make("td", { class: "num" },
        one.current
          ? make("span", { class: "tag" }, runs ? "runs now" : "ran last")
          : make("button", {
            type: "button", class: "btn", disabled: !runs, title: runs ? null : "It does not run: start it first.",
            "data-version": one.version, "aria-label": `Go back to version ${one.version}`,
          },
            "Go back to it")))));
}

/** @param {readonly unknown[]} warnings */
const mistakes = (warnings) => counted(warnings.length, "mistake", "mistakes");

/** Change the code of the running sandbox. @param {{source?: string, version?: number}} what */
async function reload(what) {
  if (!shown || running) return;
  beginRun(what.source);
  tell("Reloading…");
  let ended = false;
  byId("reload-report", HTMLElement).replaceChildren();
  try {
    const changed = await platform("POST", `${path()}/hot-reload`, what);
    fromNow(); // the code before may have crashed meanwhile
    calm();
    attempt += 1;
    shown = { ...shown, warnings: changed.warnings };
    editor.unmark();
    const init = Boolean(changed.changed) && what.source !== undefined && initsOf(what.source) !== initsOf(known ?? "");
    knows(what.source ?? null); // later input is an edit of this source
    done(what.source);
    tell(
      changed.warnings?.length ? `Version ${changed.version} runs, and it has ${mistakes(changed.warnings)}.`
        : changed.changed
        ? `Hot-reloaded: version ${changed.version} runs, and ${counted(changed.servers_count, "process", "processes")} kept pid, `
          + `mailbox and state.${init
            ? " The new init was not tried: it runs when a process starts. For it, and for new children of a supervisor, press Restart."
            : ""}`
        : "This source runs already.",
      "ok");
    stepAfterRun(changed.servers, init);
    if (changed.changed && !changed.warnings) lookAtTree();
    if (changed.changed) report(changed.servers);
    check.warn(changed.warnings);
  } catch (error) {
    ended = /** @type {any} */ (error).code === "conflict" && what.source !== undefined;
    const { message, code, hint } = /** @type {any} */ (error), busy = busyIn(message);
    if (!ended) check.refused({ message, code, hint: busy ? "Press Restart: the tree starts with this code and new states." : hint });
    if (!ended) stepAfterRefusal(code, busy);
  } finally {
    running = false;
  }
  if (ended) return again(what.source, "It runs again.");
  await finishRun();
}

/** A start or a reload is over: read what belongs to the code that runs now. */
async function finishRun() {
  await refresh();
  void load(); // what was read before the answer came is dropped, and the record may be the same as then
  runLater();
}

/** A start or a reload begins. @param {string|undefined} source  that is sent */
function beginRun(source) {
  running = true;
  attempt += 1;
  stored = null;
  sent = source ?? editor.value;
  check.drop();
  calm();
  dropAnswer();
  stepAfterStart();
  fromNow();
}

/** @param {{pid: string, name: string, what: string, before: string|null, after: string|null}[]} servers */
function report(servers) {
  const rows = servers.map((one) => {
    const same = one.before === one.after;
    return make("tr", {}, make("th", { scope: "row" }, one.name), make("td", {}, make("code", {}, one.what)),
      make("td", {}, make("code", {}, one.pid)),
      make("td", {},
        one.before === null ? make("span", { class: "hint" }, "its children stay")
          : same ? make("span", {}, make("code", {}, one.after ?? ""), make("span", { class: "hint" }, " kept"))
          : make("span", {}, make("del", {}, make("code", {}, one.before)), " → ", make("ins", {}, make("code", {}, one.after ?? "")))));
  });
  const see = make("button", { type: "button", class: "link" }, "What became of the states");
  see.onclick = () => {
    document.getElementById("panes")?.querySelectorAll("button")[1]?.click();
    showTab("part-versions");
    byId("tab-versions", HTMLElement).focus();
  };
  check.said.append(see);
  byId("reload-report", HTMLElement).replaceChildren(make("h3", {}, "The last reload: who went over, and what became of the states"),
    make("table", { class: "table" },
      make("thead", {}, make("tr", {}, ...["Process", "Class", "Pid", "State"].map((word) => make("th", { scope: "col" }, word)))),
      make("tbody", {}, ...rows)));
}

/** Start the tree again with the text in the editor. */
async function restart() {
  if (!shown) return;
  const changed = edited();
  if (!(await confirm(`Restart ${shown.id}?`,
    `Its tree stops and starts again${changed ? " with the code in the editor" : ""}: its states are gone.${
      needsRestart() ? "" : " To keep them, use Run, which hot-reloads."}`,
    "Restart")))
    return;
  await again(changed ? editor.value : undefined, `Restarted${changed ? " with this code" : ""}: all states are new.`);
}

/** @param {string|undefined} source @param {string} words */
async function again(source, words) {
  if (running) return;
  const end = shown?.ended_at;
  unstarted = false;
  beginRun(source);
  reportStart();
  try {
    ignore(true); // the program before may still crash
    const { warnings, restart_count: count } = /** @type {Sandbox} */ (await platform("POST", `${path()}/restart`, { source }));
    attempt += 1;
    if (shown) shown = { ...shown, warnings };
    restarts = count;
    knows(source ?? known);
    done(source);
    editor.unmark();
    stepAfterRun();
    if (!warnings) lookAtTree();
    byId("reload-report", HTMLElement).replaceChildren();
    if (!hasCrash()) tell(warnings ? `${words} It has ${mistakes(warnings)}.` : words, "ok");
    check.warn(warnings);
  } catch (error) {
    ignore(false);
    check.refused(error);
    stepAfterRefusal(/** @type {any} */ (error).code);
    unstarted = shown?.status === "ended" && shown.ended_at === end;
  } finally {
    running = false;
  }
  await finishRun();
}

/** End the whole tree; the sandbox stays and can run again. */
async function stop() {
  const pid = top() ?? shown?.supervisor_pid;
  if (!shown || !pid) return;
  try {
    await requestOn(shown.node, "DELETE", `/supervisors/${encodeURIComponent(pid)}`, { reason: "normal" });
    tell("Stopped. Run starts it again.");
  } catch (error) {
    complain(error, `Stop ${shown.id}`);
  }
  await refresh();
}

async function destroy() {
  if (!shown) return;
  const { id, status } = shown;
  if (!(await confirm(`Destroy ${id}?`,
    status === "ended"
      ? "Its record, its versions and its output are forgotten."
      : "It is stopped in order, from the leaves to the root, and then forgotten with its versions and its output.",
    "Destroy")))
    return;
  try {
    await platform("DELETE", path());
  } catch (error) {
    if (/** @type {any} */ (error).code !== "sandbox_busy") return complain(error, `Destroy ${id}`);
    if (!(await confirm(`Kill ${id}?`, "Something in it does not stop. Its whole process group can be killed.", "Kill it"))) return;
    try {
      await platform("DELETE", `${path()}?force=true`);
    } catch (failed) {
      return complain(failed, `Kill ${id}`);
    }
  }
  kept?.drop(draftOf());
  backups?.drop(`sandbox:${id}`);
  toast(`${id} is gone.`);
  history.replaceState(null, "", `${location.pathname}?new`);
  await refresh();
}
