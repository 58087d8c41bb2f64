/**
 * One sandbox: code with hot reload and its effects on states, output, events, versions, isolation.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { SlCode } from "../components/code-editor.js";
import { confirm } from "../base/confirm.js";
import { attribute, byId, icon, make, mend, renew, root, write } from "../base/dom.js";
import { DraftNote, drafts } from "./draft-note.js";
import { limitsOf, LOOKS, told, upText } from "./sandbox-words.js";
import { SyntaxCheck } from "./syntax-check.js";
import { tabs } from "../components/tab-list.js";
import { complain, toast } from "../base/toast.js";
import { counted, time } from "../base/words.js";

/** @typedef {import("./sandbox-words.js").Sandbox} Sandbox */
/** @typedef {import("./sandbox-words.js").Wall} Wall */

const editor = byId("running-source", SlCode);
const check = new SyntaxCheck(editor, byId("code-said", HTMLElement));
/** @param {string} words @param {string} [level] */
const tell = (words, level) => check.tell(words, level);
const note = new DraftNote(byId("code-draft", HTMLElement));
/** @type {import("./drafts.js").Drafts|null} */ let kept = null;
/** True if the message below the editor says why the source cannot be read. */
let unread = false;
/** @type {Sandbox|null} */ let shown = null;
let part = "part-code";
/** The running source as it was read; the editor may differ. @type {string|null} */
let known = null;
let version = 0;
/** @type {() => Promise<void>} */ let refresh = async () => {};

/** @param {() => Promise<void>} again  loads the sandboxes again */
export function wire(again) {
  refresh = again;
  tabs(byId("tab-code", HTMLElement).parentElement ?? document.body, (id) => {
    part = id;
    void load();
  });
  byId("restart", HTMLButtonElement).onclick = () => void restart(false);
  byId("code-restart", HTMLButtonElement).onclick = () => void restart(true);
  byId("reload", HTMLButtonElement).onclick = () => void reload({ source: editor.value });
  byId("destroy", HTMLButtonElement).onclick = () => void destroy();
  byId("versions", HTMLElement).onclick = (event) => {
    const number = event.target instanceof HTMLElement ? event.target.closest("button")?.dataset["version"] : undefined;
    if (number) void reload({ version: Number(number) });
  };
  editor.addEventListener("input", () => {
    if (edited()) check.later();
    else check.clear();
    keep();
    buttons();
  });
}

const path = () => `/sandboxes/${encodeURIComponent(shown?.id ?? "")}`;
const edited = () => known !== null && editor.value !== known;
/** Return the name of the draft; a later sandbox of the same id has another. */
const draftOf = () => `sandbox:${shown?.id}:${shown?.created_at}`;
/** Keep the draft, or drop it if it is the running source. */
const keep = () => shown && known !== null && kept?.later(draftOf(), edited() ? editor.value : null, version);

/** @param {Sandbox} one */
export function show(one) {
  const before = shown;
  shown = one;
  write(byId("one-title", HTMLElement), one.id);
  const status = byId("one-status", HTMLElement);
  write(status, one.status);
  attribute(byId("one", HTMLElement), "data-state", LOOKS[one.status]);
  write(byId("one-counts", HTMLElement), told(one, Date.now() / 1000));
  const link = byId("open-tree", HTMLAnchorElement);
  link.href = `${root()}/supervisors?node=${encodeURIComponent(one.node)}`;
  link.hidden = one.status !== "running";
  const reason = byId("one-reason", HTMLElement);
  reason.hidden = !one.reason;
  if (one.reason) renew(reason, [make("p", {}, make("b", {}, one.status === "ended" ? "It has ended: " : "It is stopping: "), one.reason, one.status === "ended" ? ". Change the code and start it again; its options stay." : "")]);
  write(byId("restart", HTMLButtonElement), one.status === "ended" ? "Start again" : "Restart");
  byId("restart", HTMLButtonElement).disabled = one.status === "starting" || one.status === "stopping";
  buttons();
  walls(byId("about-walls", HTMLElement), one.walls);
  write(byId("about-walls-says", HTMLElement), one.walls.length ? `${upText(one.walls)}${one.walls.every((wall) => wall.up) ? "" : `: no wall for ${one.walls.filter((wall) => !wall.up).map((wall) => wall.name).join(", ")}`}` : "No walls are known yet");
  renew(byId("about-limits", HTMLElement), limitsOf(one).flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
  if (before?.id !== one.id) begin();
  void load();
}

/** Reset the pane for another sandbox. */
function begin() {
  known = null;
  editor.lock(true); // until its source is read, which would overwrite earlier input
  check.drop();
  tell("");
  editor.unmark();
  note.hide();
  byId("reload-report", HTMLElement).replaceChildren();
}

/** @param {Element} list @param {Wall[]} all */
export function walls(list, all) {
  mend(list, all.map((one) => make("li", { "data-up": one.up ? "yes" : "no" }, icon(one.up ? "done" : "cross", "glyph"), make("b", {}, one.name, make("span", { class: "vh" }, one.up ? ", up" : ", not up"), one.required ? "" : " (not required)"), make("p", { title: one.up ? one.says : null }, one.up ? one.means : `${one.means}: ${one.says}`))));
}

function buttons() {
  const runs = shown?.status === "running";
  byId("reload", HTMLButtonElement).disabled = !runs || !edited();
  byId("code-restart", HTMLButtonElement).disabled = !shown || !edited() || shown.status === "starting" || shown.status === "stopping";
}

/** Load the content of the open tab. */
async function load() {
  if (!shown) return;
  const id = shown.id;
  /** @type {Record<string, [string, (answer: any) => void]>} */
  const loads = { "part-output": ["/output", output], "part-happened": ["/notices", happened], "part-versions": ["/versions", versions], "part-code": ["/source", code] };
  const [what, paint] = loads[part] ?? [];
  if (!what || !paint) return;
  try {
    if (part === "part-code") kept ??= await drafts().catch(() => null);
    const answer = await platform("GET", path() + what);
    if (shown?.id === id) paint(answer);
  } catch (error) {
    if (shown?.id === id) unreadable(error);
  }
}

/** @param {any} error */
function unreadable(error) {
  if (part === "part-code") {
    unread = true;
    if (!edited()) {
      editor.lock(true);
      known = null;
    }
    tell(`${error.message}. ${error.hint ?? ""}`, "bad");
  } else if (part === "part-output") write(byId("output", HTMLElement), `${error.message}. ${error.hint ?? ""}`);
}

/** @param {{source: string, version: number}} answer */
function code(answer) {
  const first = known === null;
  const untouched = first || !edited();
  if (untouched) {
    editor.value = answer.source;
    editor.lock(false);
  }
  if (version !== answer.version || untouched) known = answer.source;
  version = answer.version;
  if (unread) tell("");
  unread = false;
  if (first) restore();
  buttons();
}

/** Restore the draft of the shown sandbox, if there is one. */
function restore() {
  const draft = kept?.find(draftOf());
  if (!draft || draft.text === known) return note.hide();
  const put = (/** @type {string} */ text) => {
    editor.value = text;
    if (edited()) check.later();
    else check.clear();
    keep();
    buttons();
  };
  put(draft.text);
  note.restored(draft, draft.version === version ? "" : `; it began from version ${draft.version}`, () => put(known ?? ""), ({ text }) => put(text));
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
  write(place, text ? `${cut ? "… the newest of it:\n" : ""}${text}` : "It has printed nothing. What it writes to its standard output and error appears here, tracebacks among it.");
  if (below) place.scrollTop = place.scrollHeight;
}

/** @param {{at: number, text: string}[]} notices */
function happened(notices) {
  mend(byId("happened", HTMLElement), notices.map((one) => make("li", {}, make("time", {}, time(one.at)), make("span", {}, one.text))));
}

/** @param {{version: number, current: boolean, created_at: number, by: string, lines: number}[]} all */
function versions(all) {
  const runs = shown?.status === "running";
  byId("no-versions", HTMLElement).hidden = all.length > 0;
  mend(byId("versions", HTMLElement), all.map((one) => make("tr", {}, make("th", { scope: "row" }, String(one.version)), make("td", {}, time(one.created_at)), make("td", {}, one.by), make("td", { class: "num" }, String(one.lines)),
    make("td", { class: "num" }, one.current ? make("span", { class: "tag" }, runs ? "runs now" : "ran last") : make("button", { type: "button", class: "btn", disabled: !runs, title: runs ? null : "It does not run: start it first.", "data-version": one.version, "aria-label": `Go back to version ${one.version}` }, "Go back to it")))));
}

/** @param {{source?: string, version?: number}} what */
async function reload(what) {
  if (!shown) return;
  const button = byId("reload", HTMLButtonElement);
  button.disabled = true;
  tell("Reloading…");
  byId("reload-report", HTMLElement).replaceChildren();
  try {
    const changed = await platform("POST", `${path()}/hot-reload`, what);
    editor.unmark();
    known = what.source ?? null; // later input is an edit of this source
    done(what.source);
    tell(changed.changed ? `Version ${changed.version} runs: ${counted(changed.servers_count, "process", "processes")} went over to it, nobody lost a pid, a mailbox or a state.` : "This source runs already.");
    if (changed.changed) report(changed.servers);
    if (what.version !== undefined) byId("tab-code", HTMLElement).click();
  } catch (error) {
    check.refused(error);
  }
  await refresh();
  buttons();
}

/** @param {{pid: string, name: string, what: string, before: string|null, after: string|null}[]} servers */
function report(servers) {
  const rows = servers.map((one) => {
    const same = one.before === one.after;
    return make("tr", {}, make("th", { scope: "row" }, one.name), make("td", {}, make("code", {}, one.what)), make("td", {}, make("code", {}, one.pid)),
      make("td", {}, one.before === null ? make("span", { class: "hint" }, "its children stay") : same ? make("span", {}, make("code", {}, one.after ?? ""), make("span", { class: "hint" }, " kept")) : make("span", {}, make("del", {}, make("code", {}, one.before)), " → ", make("ins", {}, make("code", {}, one.after ?? "")))));
  });
  byId("reload-report", HTMLElement).replaceChildren(make("h3", {}, "Who went over, and what became of the states"), make("table", { class: "table" },
    make("thead", {}, make("tr", {}, ...["Process", "Class", "Pid", "State"].map((word) => make("th", { scope: "col" }, word)))), make("tbody", {}, ...rows)));
}

/** @param {boolean} withSource */
async function restart(withSource) {
  if (!shown) return;
  const again = shown.status === "ended";
  const changed = edited() && (withSource || again);
  if (!again && !(await confirm(`Restart ${shown.id}?`, `Its tree stops and starts anew${changed ? " with the code in the editor" : ""}: its states are gone. To keep them, use hot reload.`, "Restart"))) return;
  tell("Starting…");
  try {
    const source = changed ? editor.value : undefined;
    await platform("POST", `${path()}/restart`, { source });
    known = source ?? known;
    done(source);
    editor.unmark();
    byId("reload-report", HTMLElement).replaceChildren();
    tell("It runs.");
  } catch (error) {
    check.refused(error);
  }
  await refresh();
}

async function destroy() {
  if (!shown) return;
  const { id, status } = shown;
  if (!(await confirm(`Destroy ${id}?`, status === "ended" ? "Its record, its versions and its output are forgotten." : "It is stopped in order, from the leaves to the root, and then forgotten with its versions and its output.", "Destroy"))) return;
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
  toast(`${id} is gone.`);
  history.replaceState(null, "", location.pathname);
  await refresh();
}
