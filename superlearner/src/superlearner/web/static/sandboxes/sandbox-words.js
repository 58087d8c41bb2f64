/**
 * Texts about sandboxes: state, age, limits, and the position of an error in the source. Pure.
 *
 * @module
 */

import { duration, number, often, sentence, size, time } from "../base/words.js";
import { budgetAt, label } from "../live/model.js";
import { crashText, PLACE } from "../process/message-text.js";

/** @import { FeedEvent, Row } from "../live/model.js" */
/** @typedef {Api.WallLine} Wall */
/** @typedef {Api.SandboxRecord & {configuration: {limits: Required<Api.LimitsGiven>}}} Sandbox */
/** @typedef {{q: string, owner: string, state: string}} Wanted  `state`: "", "running" (all with a program) or "ended" */

/** The beginning of the ids of homes. */
const HOME = "home-";
/** The beginning of the ids of workbenches, see `lesson/workbench.js`. */
const WORKBENCH = "workbench-";
/** The process state whose colour each state uses. */
const LOOKS = { running: "running", starting: "starting", stopping: "exiting", ended: "crashed" };
/** Reasons of ends that somebody wanted, in the words of the platform. */
const WANTED = ["it was stopped", "it was destroyed", "the lesson is over"];

/** Return whether a user stopped it. @param {Pick<Sandbox, "status"|"reason">} one */
export const isStopped = ({ status, reason }) => status === "ended" && WANTED.includes(reason ?? "");

/** Return the process state whose colour a sandbox uses. @param {Sandbox} one */
export const lookOf = (one) => (isStopped(one) ? "stopped" : LOOKS[one.status]);

/**
 * Return its age, or its lifetime if it has ended.
 * @param {Sandbox} one
 * @param {number} now  seconds
 */
export const ageOf = (one, now) => duration(Math.max(1, (one.ended_at ?? now) - one.created_at));

/** Return the description beside its name. @param {Sandbox} one @param {number} now  seconds */
export function told(one, now) {
  const lacking = one.walls.some((wall) => !wall.up) ? upText(one.walls) : "";
  const taken = one.memory_bytes ? size(one.memory_bytes) : "";
  return [
    one.owner,
    one.member ? `on ${one.member}` : "",
    one.ended_at ? `ended ${time(one.ended_at)}, ${ageOf(one, now)} after its creation` : `created ${ageOf(one, now)} ago`,
    one.restart_count ? `sandbox restarted ${often(one.restart_count)}` : "",
    taken, lacking,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Return the origin of its code. @param {Sandbox} one */
const originOf = ({ configuration: { origin, title, supervisor_module: module } }) =>
  title ?? { source: "typed", file: "a file", module: module ?? "a module", demo: "a demo", template: "a template" }[origin] ?? origin;

/**
 * Return the values and labels of the choice of where a sandbox runs.
 * @param {Api.NodeLine[]} nodes
 * @param {string} chosen  stays in the list
 * @returns {[string, string][]}
 */
export function memberChoices(nodes, chosen) {
  const up = nodes.filter((one) => one.kind === "member" && one.status !== "lost").map((one) => one.name);
  return [
    ["", "this platform"], .../** @type {[string, string][]} */ (up.map((name) => [name, name])),
    .../** @type {[string, string][]} */ (chosen === "" || up.includes(chosen) ? [] : [[chosen, `${chosen} (gone)`]]),
  ];
}

/** Return the owners in alphabetical order. @param {Sandbox[]} all */
export const ownersOf = (all) => [...new Set(all.map((one) => one.owner))].sort();

/** Return the number of sandboxes of each kind. @param {Sandbox[]} all */
export function countsOf(all) {
  const ended = all.filter((one) => one.status === "ended").length;
  return `${number(all.length - ended)} running, ${number(ended)} ended`;
}

/** Return a filter; the search covers name, owner, member and reason. @param {Wanted} wanted @returns {(one: Sandbox) => boolean} */
export function fitting({ q, owner, state }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return (one) => {
    if (owner && one.owner !== owner) return false;
    if (state && (one.status === "ended") !== (state === "ended")) return false;
    const text = `${one.id} ${one.owner} ${one.member ?? ""} ${one.reason ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}

/** @param {Wall[]} walls */
export const upText = (walls) =>
  (walls.length ? `${walls.filter((one) => one.up).length} of ${walls.length} isolation layers active` : "No isolation layers");

/** @typedef {Pick<Sandbox["configuration"], "strategy"|"max_restarts"|"max_seconds"|"custom_config"|"limits">} Options */

/** Return the options of a request that starts the same sandbox again. @param {Sandbox} one @returns {Options} */
export function optionsOf({ configuration: { strategy, max_restarts, max_seconds, custom_config, limits } }) {
  return { strategy, max_restarts, max_seconds, custom_config, limits };
}

/** Return limits and options as names and values. @param {Sandbox} one @returns {[string, string][]} */
export function limitsOf(one) {
  const {
    configuration: { limits, strategy, max_restarts: restarts, max_seconds: seconds, custom_config: config }, node, os_pid: pid, owner,
  } = one;
  /** @param {unknown} value */
  const given = (value) => (value === null || value === undefined ? "as the code says" : String(value));
  return [
    ["Memory", `${number(limits.memory_mb)} MB`], ["Processes and threads", number(limits.processes)],
    ["Processor time", duration(limits.cpu_s)], ["A callback may hold the loop", duration(limits.held_s)],
    ["Output", `${number(limits.output_kb)} kB`], ["Stopped when idle for", limits.idle_s ? duration(limits.idle_s) : "never"],
    ["Longest life", limits.lifetime_s ? duration(limits.lifetime_s) : "none"], ["Strategy", given(strategy)],
    ["Restarts allowed", given(restarts)], ["in seconds", given(seconds)], ["Custom config", JSON.stringify(config ?? null)],
    ["Started from", originOf(one)], ["Node", node], ["Runs on", one.member ?? "this platform"],
    ["Process of the system", pid === null ? "none now" : String(pid)], ["Owner", owner],
  ];
}

/**
 * Find the position of an error in its message: "line 3, column 7: …", "main.py:3: …", "main.py, line 3".
 * @param {string} message
 * @returns {{line: number, column: number}|null}
 */
export function placeOf(message) {
  const found = /\bline (\d+), column (\d+)/.exec(message) ?? /\bmain\.py:(\d+)/.exec(message) ?? /\bline (\d+)/.exec(message);
  return found ? { line: Number(found[1]), column: Number(found[2] ?? 1) } : null;
}

/** Return the place of a line of a sandbox's code in the form of the Playground. @param {number} line */
export const at = (line) => `line ${line}`;

/** Return the same in the form of the platform's messages, which `linesIn` finds. @param {number} line */
export const placed = (line) => `main.py:${line}`;

/** Return the line of the code that a place names; 0 if it names none. @param {string|null} [place] */
export const findLine = (place) => Number(/\bmain\.py:(\d+)/.exec(place ?? "")?.[1] ?? 0);

/**
 * Return the line that a place in the source of a sandbox names; 0 for a place in a library.
 * @param {string|null|undefined} where  such as "main.py:5 in init"
 * @param {string|null} module  that has the source, as `package.module:Class`
 */
export function lineInSource(where, module) {
  const [, file, line] = /^([^:]+)\.py:(\d+)/.exec(where ?? "") ?? [];
  return file === (module?.replace(/:.*$/, "").split(".").at(-1) ?? "main") ? Number(line) : 0;
}

/** Return the parts of a text: words, and the lines of the code that it names. @param {string} text @returns {(string|number)[]} */
export const linesIn = (text) =>
  crashText(text).split(PLACE).map((part, place) => (place % 2 ? Number(part) : part));

/**
 * Return the line of the code that ended the program; 0 if none did. After `os._exit`, which leaves no time to tell, it is the
 * only line that can have.
 * @param {string} reason  of the end
 * @param {string} source
 */
export function lineOfExit(reason, source) {
  const told = /^SystemExit\b.*\bmain\.py:(\d+)$/.exec(reason)?.[1];
  if (told || !/\bos\._exit\(/.test(reason)) return Number(told ?? 0);
  const lines = source.split("\n").flatMap((line, place) => (/^[^#]*\b_exit\(/.test(line) ? [place + 1] : []));
  return lines.length === 1 ? lines[0] ?? 0 : 0;
}

/** Return what to do about an end at a limit; "" for other ends. @param {string} reason */
export function remedyOf(reason) {
  if (/ of output\b/.test(reason)) return "Print less.";
  if (/ of memory$/.test(reason)) return "Keep less, or raise the limit Memory.";
  return /out of CPU time/.test(reason) ? "Compute less, or raise the limit Processor time." : "";
}

/** Return the limit that ended a sandbox; "" for other ends. @param {string} reason */
export const limitIn = (reason) => (/ of (memory|output)\b/.exec(reason)?.[1] ?? (reason.includes("out of CPU time") ? "time" : ""));

/**
 * Return the line that adds data in an endless loop; 0 if there is none, or more than one.
 * @param {string} source
 */
export function growthIn(source) {
  /** @type {number[]} */ const found = [];
  let depth = -1;
  source.split("\n").forEach((line, place) => {
    const indent = line.search(/[^\s#]/);
    if (indent >= 0 && indent <= depth) depth = -1;
    if (depth >= 0 && /^[^#]*(?:\.(?:append|extend|add|insert|update)\(|\+=)/.test(line)) found.push(place + 1);
    if (depth < 0 && /^\s*while (?:True|1)\s*:/.test(line)) depth = indent;
  });
  return found.length === 1 ? found[0] ?? 0 : 0;
}

/** Return a line of a text; "" if it has fewer. @param {string} text @param {number} line */
export const lineOf = (text, line) => text.split("\n")[line - 1] ?? "";

/** Return the column of the first character of a line that is no space. @param {string} text @param {number} line */
export const columnOf = (text, line) => Math.max(0, lineOf(text, line).search(/\S/)) + 1;

/** Return a free name. @param {string} like @param {Iterable<string>} taken */
export function freeName(like, taken) {
  const known = new Set(taken);
  for (let n = 1; ; n += 1) if (!known.has(n === 1 ? like : `${like}_${n}`)) return n === 1 ? like : `${like}_${n}`;
}

/**
 * Return the sandbox that the Playground opens: the user's newest, unless it has ended. The home of a learner, which
 * runs the platform's demo, and workbenches of lessons do not count: their code is not the user's. Without one, the
 * Playground opens a new sandbox.
 * @param {readonly Sandbox[]} ours  newest first
 */
export function firstToOpen(ours) {
  const newest = ours.find(({ id }) => !id.startsWith(HOME) && !id.startsWith(WORKBENCH));
  return newest?.status === "ended" ? undefined : newest;
}

/** @typedef {{says: string, error: string, line: number, place: string}} Raised */

/** The beginnings of a message that say only what did not happen, and to whom. */
const CONTEXT = new RegExp(
  "^(?:\\w+ failed to start|its child \\S+ does not start|nothing has changed|the new source cannot be used"
    + "|[^\\s:]+ cannot run the new source)"
    + "(?:: |\n\\s*)");

/**
 * Return the parts of a message about a line of code: what did not happen, the error, and its line; null for others.
 * @param {string} message
 *   such as "its child a does not start: ValueError: no (main.py, line 5, in A.init: return x)" or "main.py:5: ValueError: no"
 * @returns {Raised|null}
 */
export function raisedIn(message) {
  const read = partsOf(message);
  return read && { ...read, error: withoutArity(read.error) };
}

/** Return a message with callbacks as in Python, `init()`, where the runtime writes `init/1`. @param {string} message */
const withoutArity = (message) =>
  message.replace(/\b(init|handle_\w+|terminate|code_change|format_status|callback_mode)\/\d\b/g, "$1()");

/** Return the process that did not switch to a new source in time, from the message about it; "" for others. @param {string} message */
export const busyIn = (message) => /\bnothing has changed: (\S+) still runs the old code, /.exec(message)?.[1] ?? "";

/** Return whether a text contains the error of a message. @param {string} message @param {string} text */
export function hasError(message, text) {
  const error = raisedIn(message)?.error;
  return Boolean(error) && text.includes(sentence(error ?? ""));
}

/**
 * Return a notice in a sentence, with the place of an error and without the line itself; what is wrong with a refused source stands
 * beside the code.
 * @param {string} text
 */
export function noticeText(text) {
  const failed = raisedIn(/^sandbox \S+ does not start: ([^]+)$/.exec(text)?.[1] ?? "");
  if (failed) return `The start failed at ${placed(failed.line)}: ${failed.error}`;
  if (/^sandbox \S+ ended: /.test(text)) return withoutCrash(text);
  const [, version, message = ""] = /^sandbox \S+ keeps version (\d+): ([^]+)$/.exec(text) ?? [], raised = raisedIn(message);
  return raised ? `The new source was refused at ${placed(raised.line)}. Version ${version} goes on.` : text;
}

/** Return whether a line of code raises an error itself: its crash is no mistake in it. @param {string} line */
export const raisesItself = (line) => /^\s*(?:case\b.*:\s*)?raise\b/.test(line);

/**
 * Return whether a process kept None as its state in a reload, so that the new code may crash as the former one did.
 * @param {readonly {name: string, before: string|null, after: string|null}[]} servers @param {string} name
 */
export const keepsNone = (servers, name) =>
  servers.some((one) => one.name === name && one.before === "None" && one.after === "None");

/**
 * Return the lines of all `init` methods of a source: what runs only when a process starts.
 * @param {string} source
 */
export function initsOf(source) {
  /** @type {string[]} */ const found = [];
  let depth = -1;
  for (const line of source.split("\n").filter((one) => one.trim() && !/^\s*#/.test(one))) {
    const indent = line.search(/\S/);
    if (indent <= depth && !/^\s*[)\]]/.test(line)) depth = -1; // a bracket ends a signature of several lines
    if (depth < 0 && /^\s+(?:async )?def init\(/.test(line)) depth = indent;
    if (depth >= 0) found.push(line.trimEnd());
  }
  return found.join("\n");
}

/** Seconds before the notice that a program runs, in which its processes may have crashed. */
const STARTS_S = 1;

/**
 * Return the notices of the current or last run of a sandbox, when it began, since when its processes may have crashed, and the
 * notices of earlier runs; if its start is not known, all notices and 0.
 * @template {{at: number, text: string}} Notice
 * @param {readonly Notice[]} all @param {string} id @param {string} node
 */
export function noticesOfRun(all, id, node) {
  const runs = new RegExp(`^sandbox ${id} runs as ${node}(?:,| on |$)`); // its member and its user may follow
  const begun = Math.max(0, ...all.flatMap(({ at: when, text }) => (runs.test(text) ? [when] : [])));
  const ended = all.flatMap(({ at: when, text }) => (when < begun && text.startsWith(`sandbox ${id} ended: `) ? [when] : []));
  const [notices, earlier] = [all.filter((one) => one.at >= begun), all.filter((one) => one.at < begun)];
  return { begun, since: Math.max(0, begun - STARTS_S, ...ended), notices, earlier };
}

/**
 * Return the stored restarts of a sandbox: those of its newest run, and those of its earlier runs.
 * @template {{at: number}} Restart
 * @param {readonly Restart[]} restarts @param {number} created  when the sandbox was made @param {number} since  when its newest run began
 */
export function restartsOfRuns(restarts, created, since) {
  const own = restarts.filter((one) => one.at >= created);
  return { run: own.filter((one) => one.at >= since), earlier: own.filter((one) => one.at < since) };
}

/** @typedef {{name: string, line: number, reason: string, hint: string|null}} Crash */

/** The beginning of the reason of a failed call: its server crashed, or ended with a process that did. */
const CRASHED = /^(?:\S+ ended with (\S+), which|\S+) crashed at main\.py:\d+: /;

/**
 * Return the crash of the process that made the mistake: of the server that was called, if a call failed because it crashed at a line.
 * @param {Crash} crash @returns {Crash}
 */
export function blame(crash) {
  const [, name = "", why = ""] = /^its call to (\S+) failed: ([^]+)$/.exec(crash.reason) ?? [], line = findLine(why);
  const start = /^a start failed at main\.py:(\d+): ([^]+)$/.exec(crash.reason);
  if (start) return { ...crash, line: Number(start[1]), reason: `a start failed: ${start[2]}` };
  return line ? blame({ name: CRASHED.exec(why)?.[1] ?? name, line, reason: why.replace(CRASHED, ""), hint: null }) : crash;
}

/**
 * Return a crash with its cause in place of the error and of the line where that was noticed, if a mistake of the source explains it:
 * a call without `await`, whose coroutine was used as the answer, a call that gets no answer, or a child without
 * the name that is called or the start argument that it needs.
 * @template {Crash} C @param {C} crash @param {readonly Api.SandboxWarning[]} mistakes  of the source that runs
 * @returns {C & {because?: boolean}}
 */
export function withCause(crash, mistakes) {
  const [, name] = /there is no process (\S+) to call \(noproc\)/.exec(crash.reason) ?? [];
  const [, busy, line = 0] = / because (\S+ was still in \w+) at main\.py:(\d+)$/.exec(crash.reason) ?? [];
  if (busy) return { ...crash, line: +line, reason: `${busy} there`, hint: null, because: true };
  const kind = name ? `no child has name="${name}"`
    : /\bcoroutine\b/.test(crash.reason) ? "`await` is missing"
    : / did not answer a call in /.test(crash.reason) ? "handle_call returns NoReply(…)"
    : /\bNone(Type)?\b/.test(crash.reason) ? " gets no start argument, " : "";
  const found = kind ? mistakes.filter(({ text }) => text.includes(kind)) : [];
  const cause = found.findLast(({ line }) => line <= crash.line) ?? found[0];
  return cause ? { ...crash, line: cause.line, reason: cause.text, hint: null, because: cause.line !== crash.line } : crash;
}

/** An exception, perhaps with the ones before it, and the advice that follows it. */
const HINTED = /^(\w+\((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^'"()])*\)(?: \(after: [^]+? at \S+:\d+\))?); ([^]+)$/;

/**
 * Return the crash for which a tree gave up, if the reason of its end names a line of the code; else null.
 * @param {string} reason
 */
export function crashOfEnd(reason) {
  const [, name = "", where, why = ""] = /^[^]*\(last: (\S+) crashed(?: at (main\.py:\d+))?: ([^]+)\)$/.exec(reason) ?? [];
  const [, error, hint = null] = HINTED.exec(why) ?? [];
  const crash = blame({ name, line: findLine(where) || findLine(why), reason: error ?? why, hint });
  return crash.line ? crash : null;
}

/** Return the reason of an end without the last crash, which other texts have. @param {string} reason */
export const withoutCrash = (reason) => reason.replace(/ \(last: \S+ crashed[^]*\)$/, "");

/**
 * Return the line of the newest traceback in an output, and its error; null without a traceback. A call that failed because its server
 * ended does not count: the mistake is the server's.
 * @param {string} text
 */
export function raisedInOutput(text) {
  const all = text.matchAll(
    /File "[^"\n]{0,200}\bmain\.py", line (\d+), in [^\n]*\n(?:(?: |\t)[^\n]*\n)*([A-Za-z_][^\n]*)/g);
  const found = [...all].findLast(([, , error = ""]) => !/^otp\.\S+: call to .+ failed: /.test(error));
  return found ? { line: Number(found[1]), reason: found[2] ?? "" } : null;
}

/**
 * Return the crash with which a run ended: its newest stored restart, if its place or reason names a line of the code; else null.
 * @param {readonly Pick<Api.RestartLine, "at"|"name"|"reason"|"where">[]} restarts  newest first
 * @param {number} since  when the run began
 */
export function crashOfRun([newest], since) {
  const line = findLine(newest?.where) || findLine(newest?.reason);
  return newest && line && newest.at >= since ? blame({ name: newest.name ?? "", line, reason: newest.reason ?? "", hint: null }) : null;
}

/**
 * Return whether an event of a tree is part of a stored restart: it is of the same run, and its number is in the restart's range.
 * @param {Pick<Api.RestartLine, "ref"|"event"|"last">} restart @param {{ref?: string|null, event?: number|null}} about
 */
export const covers = ({ ref = "", event: first, last = first }, { ref: other, event = 0 }) =>
  Boolean(other && event) && ref.split(".")[0] === other?.split(".")[0] && first <= Number(event) && Number(event) <= last;

/**
 * Return the last process of a tree that ended by itself or was killed, and whether it crashed; null for none.
 * @param {readonly {kind: string, level: string, pid?: string|null, parts?: {reason?: string}|null}[]} events  oldest first
 */
export function lastEnd(events) {
  const last = events.findLast(({ kind, parts }) => parts?.reason !== undefined && !["gave_up", "stopped"].includes(kind));
  return last ? { pid: last.pid ?? "", crashed: last.level === "bad" } : null;
}

/**
 * Return the process that its child spec keeps from a restart, and the line of that option; 0 if several lines fit. Null if there is
 * no such process, or it has been started or stopped since.
 * @param {readonly Pick<FeedEvent, "kind"|"key"|"sup"|"parts">[]} events  oldest first
 * @param {string} source
 * @param {ReadonlyMap<string, {pid: string|null}>} rows
 */
export function leftOf(events, source, rows) {
  const place = events.findLastIndex(({ parts }) => parts?.restart), { key, sup, parts } = events[place] ?? {};
  if (!parts?.restart || rows.get(key ?? "")?.pid) return null;
  const { who = "", restart } = parts;
  if (events.slice(place + 1).some((one) =>
    one.key === key && /^st(art|opp)ed$/.test(one.kind) || one.sup === sup && one.parts?.restarted?.includes(who)
  )) return null;
  const option = new RegExp(`^[^#]*\\brestart\\W+${restart}\\b`);
  const lines = source.split("\n").flatMap((text, index) => (option.test(text) ? [{ text, line: index + 1 }] : []));
  const named = lines.filter(({ text }) => text.includes(`"${who}"`) || text.includes(`'${who}'`));
  const [one, more] = named.length ? named : lines.filter(({ text }) => !/\b(id|name)\W+["']/.test(text)); // of another child
  return { who, restart, line: one && !more ? one.line : 0 };
}

/**
 * Return whether the top supervisor runs, and nothing below it runs or is being restarted.
 * @param {ReadonlyMap<string, {parent: string|null, pid: string|null, kind: string, state: string}>} rows
 */
export const isBare = (rows) =>
  topOf(rows) !== null
  && ![...rows.values()].some(({ parent, pid, state }) => parent !== null && (pid || !/^(stopped|gave_up)$/.test(state)));

/**
 * Return the supervisor that gives up at the next end of one of its processes, and until when, if that changes; null for none.
 * @param {ReadonlyMap<string, Row>} rows @param {number} now  seconds, by the clock of the node
 * @returns {{who: string, until: number|null}|null}
 */
export function spentIn(rows, now) {
  for (const row of rows.values()) {
    const { left, next } = row.budget && row.pid ? budgetAt(row.budget, now) : { left: 1, next: null };
    if (left === 0) return { who: label(row), until: next };
  }
  return null;
}

/** Return the pid of the top process; null if nothing runs. @param {Parameters<typeof isBare>[0]} rows */
export const topOf = (rows) => [...rows.values()].find(({ parent, kind }) => parent === null && kind === "supervisor")?.pid ?? null;

/** @param {string} message @returns {Raised|null} */
function partsOf(message) {
  const loaded = /^main\.py:(\d+): ([^]+)$/.exec(message) ?? /^source: line (\d+), column \d+: ([^]+)$/.exec(message);
  if (loaded) return { says: "", error: loaded[2] ?? "", line: Number(loaded[1]), place: "" };
  const found = /^([^]*?)(?: \(|\n\s*)(?:\/[^\s:]*\/)?main\.py, line (\d+), in ([^\s:)]+)(?:[:)\s]|$)/.exec(message);
  if (!found) return null;
  const [, before = "", line, place = ""] = found;
  let error = before;
  for (let match = CONTEXT.exec(error); match; match = CONTEXT.exec(error)) error = error.slice(match[0].length);
  return {
    says: before.slice(0, before.length - error.length).replace(/(?:: |\n\s*)$/, "").replace(/\n\s*/g, ": "), error,
    line: Number(line), place: place === "<module>" ? "" : place,
  };
}

/**
 * What happened last to a sandbox, and what else its next step depends on. `typed`: the text was changed after that; `other`:
 * the text in the editor differs from the code that ran at the line that crashed; `stopped`: a user stopped it; `wrong`: the
 * line that the message below the editor calls wrong, 0 for none; `raised`: the line that crashed is a `raise`.
 * `busy`: the process that did not switch to the code of the last Run in time, "" for none. `limit`: the limit that ended it, ""
 * for other ends. `left`: a process was not started again;
 * `bare`: nothing runs below the top supervisor.
 * @typedef {{status: Sandbox["status"], last: "start"|"starting"|"end"|"crash"|"run"|"refusal", typed: boolean, other: boolean,
 *   stopped?: boolean, wrong?: number, raised?: boolean, busy?: string, limit?: string, left?: boolean,
 *   bare?: boolean}} Situation
 */

/**
 * Return which step comes next: it follows what happened last; "" for none.
 * @param {Situation} situation
 */
export function nextOf({
  status, last, typed, other, stopped = false, wrong = 0, raised = false, busy = "", limit = "", left = false, bare = false,
}) {
  if (last === "starting" || status !== "running" && status !== "ended") return "";
  if (wrong && (typed || last !== "refusal")) return "line";
  if (busy && status === "running") return "restart";
  if (typed) return status === "running" ? "change" : "start";
  if (last === "refusal") return status === "running" ? "correct" : "mend";
  if (last === "crash" && !stopped && raised && !other && status === "running") return "raised";
  if (last === "crash" && !stopped) return other ? "compare" : "fix";
  if (status === "ended") return limit ? "limit" : "again";
  if (left || bare) return left ? "left" : "bare";
  return last === "run" ? "try" : last === "end" ? "read" : "kill";
}

/**
 * The situation after the text in the editor was changed: a refusal is over once the text equals the code that runs, or that ran if
 * no message says any more why it was refused; and no process has to switch.
 *
 * @param {Situation} situation @param {boolean} other  the text is not the one that runs @param {boolean} [says]  a message says why
 * @returns {Situation}
 */
export function afterInput(situation, other, says = true) {
  const undone = !other && situation.last === "refusal" && (situation.status === "running" || !says);
  return { ...situation, typed: other, last: undone ? "start" : situation.last, busy: other ? situation.busy ?? "" : "" };
}
