/**
 * The commands of the palette: what a query such as `kill ledger` or `set checkout_sup one_for_all` asks for. Pure:
 * query and processes in, actions with their requests and sentences out. Nothing is performed here.
 *
 * @module
 */

import { counted, STRATEGIES } from "../base/words.js";
import { lostText } from "../tree/kill-words.js";
import { fit } from "./fuzzy.js";

/** @import { Line } from "../processes/process-list.js" */
/** @import { Item } from "./palette-items.js" */
/**
 * @typedef {{name: string|null, pid: string, strategy: string|null, max_restarts?: number|string|null,
 *   max_seconds?: number|string|null, restarts_used?: number|null}} Supervisor
 */
/** A child that does not run. @typedef {{id: string, supervisor: string, supervisor_name: string}} Stopped */
/** @typedef {{lines: readonly Line[], supervisors: readonly Supervisor[], stopped: readonly Stopped[]}} Known */
/** @typedef {{terminated?: boolean}|null} Answer */
/**
 * An operation with its arguments, which runs after a confirmation.
 * @typedef {object} Deed
 * @property {string} title  the label of the confirming button: `Kill ledger`
 * @property {string} method
 * @property {string} path  below /api/v1
 * @property {Record<string, unknown>} body
 * @property {string} known  what is known of the effect without asking the server
 * @property {string} [predict]  the path of the prediction
 * @property {boolean} danger
 * @property {(answer: Answer) => {text: string, hint: string}} done  the note afterwards
 */
/** What a command acts on. @typedef {{name: string, also: string, line?: Line, supervisor?: Supervisor, stopped?: Stopped}} Target */
/** @typedef {{text: string, more: string, deed?: Deed, fill?: string}} Way  `fill`: a query that asks on */
/**
 * @typedef {object} Command
 * @property {string[]} verbs  the first one is offered
 * @property {string} label
 * @property {string} operation  the operation that it runs
 * @property {(known: Known) => Target[]} targets
 * @property {(target: Target, words: readonly string[]) => Way[]} ways  the actions for these further words
 * @property {number} words  the most further words
 * @property {(words: readonly string[]) => string} [wrong]  the reason why further words are not understood
 */

const MOST = 8;
const SHORT = {
  one_for_one: "only it is restarted", one_for_all: "all children are restarted",
  rest_for_one: "it and those started after it are restarted", simple_one_for_one: "only it is restarted", dynamic: "only it is restarted",
};
const SET = ["one_for_one", "rest_for_one", "one_for_all"];
const LIMITS = ["max_restarts", "max_seconds"];

/** @param {Line} line */
const nameOf = (line) => line.name ?? `${line.what} ${line.pid}`;
/** @param {Line} line */
const above = (line) => line.supervisor_name ?? line.supervisor ?? "";
/** @param {Line} line */
const lost = (line) => ` ${lostText(1, line.message_queue_len)}`;
/** @param {string} part */
const safe = (part) => encodeURIComponent(part);
/** Return the path of a child; children of dynamic supervisors go by their pid. @param {Line} line @param {Supervisor} [supervisor] */
const childPath = (line, supervisor) =>
  `/supervisors/${safe(line.supervisor ?? "")}/children/${safe(isDynamic(supervisor) ? line.pid : line.child_id ?? line.pid)}`;
/** @param {Supervisor} [supervisor] */
const isDynamic = (supervisor) => supervisor !== undefined && !SET.includes(supervisor.strategy ?? "");
/** @param {Line} line */
const ofPlatform = (line) =>
  (line.critical ? ` ${nameOf(line)} is a process of the platform itself: this page may lose its connection.` : "");

/** @param {Known} known @returns {Target[]} */
const processes = ({ lines, supervisors }) => lines.map((line) => ({
  name: nameOf(line), also: line.pid, line, ...given("supervisor", supervisors.find(({ pid }) => pid === line.supervisor)),
}));
/** @param {Known} known @returns {Target[]} */
const supervised = (known) => processes(known).filter(({ line }) => line?.supervisor);
/** @template T @param {string} key @param {T|undefined} value */
const given = (key, value) => (value === undefined ? {} : { [key]: value });

/** @type {readonly Command[]} */
const COMMANDS = [
  {
    verbs: ["kill", "end"], label: "Kill a process", operation: "process.kill", targets: processes, words: 0,
    ways: ({ line, supervisor, name }) => (line ? [kill(line, name, supervisor)] : []),
  },
  {
    verbs: ["restart", "start"], label: "Restart a child", operation: "supervisor.restart_child", words: 0,
    targets: (known) => [
      ...supervised(known).filter(({ supervisor }) => !isDynamic(supervisor)),
      ...known.stopped.map((stopped) => ({ name: stopped.id, also: stopped.supervisor_name, stopped })),
    ],
    ways: ({ line, stopped, name }) => (line ? [restart(line, name)] : stopped ? [begin(stopped)] : []),
  },
  {
    verbs: ["terminate", "stop"], label: "Stop a child", operation: "supervisor.terminate_child", targets: supervised, words: 0,
    ways: ({ line, supervisor, name }) => (line ? [terminate(line, name, supervisor)] : []),
  },
  {
    verbs: ["suspend", "pause"], label: "Suspend a server", operation: "process.suspend", words: 0,
    targets: (known) => processes(known).filter(({ line }) => line?.status !== "suspended"),
    ways: ({ line, name }) => (line ? [suspend(line, name)] : []),
  },
  {
    verbs: ["resume"], label: "Resume a suspended server", operation: "process.resume", words: 0,
    targets: (known) => processes(known).filter(({ line }) => line?.status === "suspended"),
    ways: ({ line, name }) => (line ? [resume(line, name)] : []),
  },
  {
    verbs: ["set"], label: "Set strategy or restart budget", operation: "supervisor.set_flags", words: 2,
    targets: ({ supervisors, lines }) => supervisors.map((supervisor) => ({
      name: supervisor.name ?? supervisor.pid, also: supervisor.pid, supervisor,
      ...given("line", lines.find(({ pid }) => pid === supervisor.pid)),
    })),
    ways: (target, words) => [...strategies(target, words), ...limits(target, words)],
    wrong: ([flag = "", value]) => (value !== undefined && LIMITS.includes(flag)
      ? `${flag} is ${flag === "max_seconds" ? "a number over 0" : "a whole number from 0"}, or infinity.`
      : ""),
  },
];

/** @param {Line} line @param {string} name @param {Supervisor} [supervisor] @returns {Way} */
function kill(line, name, supervisor) {
  const strategy = supervisor?.strategy ?? "";
  const tree = line.type === "supervisor" ? ` All processes below ${name} end with it.` : "";
  const known = line.supervisor
    ? `${name} ends. Its supervisor ${above(line)}${strategy ? ` (${strategy})` : ""} decides whether it starts again.${tree}`
    : `${name} is not supervised: it will not come back.${tree}`;
  const short = Object.entries(SHORT).find(([one]) => one === strategy)?.[1];
  return {
    text: `Kill ${name}`,
    more: !line.supervisor ? "not supervised: it will not come back"
      : short ? `${above(line)}, ${strategy}: ${short}`
      : `under ${above(line)}`,
    deed: {
      title: `Kill ${name}`, method: "DELETE", path: `/processes/${safe(line.pid)}`, body: { reason: "kill", force: line.critical },
      known: known + ofPlatform(line), danger: true,
      ...(line.supervisor ? { predict: `${childPath(line, supervisor)}/predict?reason=killed` } : {}),
      done: (answer) => answer?.terminated === false ? { text: `${name} lives on.`, hint: "" }
        : {
          text: `${name} was killed.`,
          hint: line.supervisor
            ? `Its supervisor ${above(line)} decides whether it starts again.`
            : "It has no supervisor, so nothing starts it again.",
        },
    },
  };
}

/** @param {Line} line @param {string} name @returns {Way} */
const restart = (line, name) => ({
  text: `Restart ${name}`, more: `under ${above(line)}`,
  deed: {
    title: `Restart ${name}`, method: "POST", path: `${childPath(line)}/restart`, body: { force: line.critical }, danger: false,
    known: `${above(line)} stops ${name}${line.type === "supervisor" ? " and all processes below it" : ""} and starts it again. No other `
      + `child of ${above(line)} is stopped, and it does not count as a failure.${lost(line)}${ofPlatform(line)}`,
    done: () => ({ text: `${name} was restarted.`, hint: "" }),
  },
});

/** @param {Line} line @param {string} name @returns {Way} */
const suspend = (line, name) => ({
  text: `Suspend ${name}`, more: "its messages wait until it is resumed",
  deed: {
    title: `Suspend ${name}`, method: "POST", path: `/processes/${safe(line.pid)}/suspend`, body: { force: line.critical }, danger: false,
    known: `${name} handles no messages until it is resumed. They wait in its mailbox; calls may time out.${ofPlatform(line)}`,
    done: () => ({ text: `${name} is suspended.`, hint: "Its messages wait until it is resumed." }),
  },
});

/** @param {Line} line @param {string} name @returns {Way} */
const resume = (line, name) => ({
  text: `Resume ${name}`, more: "it is suspended",
  deed: {
    title: `Resume ${name}`, method: "POST", path: `/processes/${safe(line.pid)}/resume`, body: {}, danger: false,
    known: `${name} handles the messages that wait in its mailbox, and all later ones.`,
    done: () => ({ text: `${name} was resumed.`, hint: "" }),
  },
});

/** @param {Stopped} stopped @returns {Way} */
const begin = ({ id, supervisor, supervisor_name: above }) => ({
  text: `Restart ${id}`, more: `stopped, under ${above}`,
  deed: {
    title: `Restart ${id}`, method: "POST", path: `/supervisors/${safe(supervisor)}/children/${safe(id)}/restart`, body: {}, danger: false,
    known: `${id} does not run now. ${above} starts it again; no other child is affected.`,
    done: () => ({ text: `${id} was started.`, hint: "" }),
  },
});

/** @param {Line} line @param {string} name @param {Supervisor} [supervisor] @returns {Way} */
const terminate = (line, name, supervisor) => ({
  text: `Terminate ${name}`, more: `${above(line)} does not restart it`,
  deed: {
    title: `Terminate ${name}`, method: "POST", path: `${childPath(line, supervisor)}/terminate`, body: { force: line.critical },
    danger: true,
    known: `${above(line)} stops ${name}${line.type === "supervisor" ? " and all processes below it" : ""} and does not restart it. No `
      + `other child of ${above(line)} is stopped.${lost(line)}${ofPlatform(line)}`,
    done: () => ({ text: `${name} was terminated.`, hint: `${above(line)} does not restart it.` }),
  },
});

/** @param {Target} target @param {readonly string[]} words @returns {Way[]} */
function strategies({ name, supervisor, line }, words) {
  const now = supervisor?.strategy ?? "";
  if (!supervisor || words.length > 1 || !SET.includes(now)) return [];
  return SET.filter((one) => one !== now && one.startsWith(words[0]?.toLowerCase() ?? "")).map((strategy) => ({
    text: `Set ${name} ${strategy}`, more: STRATEGIES[strategy] ?? "",
    deed: flags(supervisor, line, { strategy }, `Set ${name} ${strategy}`,
      `${name} is ${now} now; it becomes ${strategy}. ${STRATEGIES[strategy]} Running children are not affected.`,
      `${name} is ${strategy} now.`),
  }));
}

/** @param {Target} target @param {readonly string[]} words @returns {Way[]} */
function limits({ name, supervisor, line }, [flag = "", value]) {
  if (!supervisor) return [];
  const meant = LIMITS.filter((one) => one.startsWith(flag.toLowerCase()) && (value === undefined || one === flag.toLowerCase()));
  return meant.flatMap((one) => limit(name, supervisor, line, one, value));
}

/**
 * @param {string} name
 * @param {Supervisor} supervisor
 * @param {Line|undefined} line
 * @param {string} one  the flag
 * @param {string} [value]
 * @returns {Way[]}
 */
function limit(name, supervisor, line, one, value) {
  const is = one === "max_restarts" ? supervisor.max_restarts : supervisor.max_seconds;
  const wanted = numberOf(one, value ?? "");
  if (wanted === null)
    return value ? [] : [{ text: `Set ${name} ${one} …`, more: `${is ?? "unknown"} now; type a number`, fill: `set ${name} ${one} ` }];
  const most = one === "max_restarts" ? wanted : supervisor.max_restarts, seconds = one === "max_seconds" ? wanted : supervisor.max_seconds;
  const means = typeof most === "number" && typeof seconds === "number"
    ? ` With more than ${counted(most, "restart")} in ${seconds} s ${name} gives up, and all its children end.`
    : "";
  const title = `Set ${name} ${one} ${wanted}`;
  const known = `${one} of ${name} is ${is ?? "unknown"} now and becomes ${wanted}.${means} Nothing is restarted `
    + `now; past restarts still count.`;
  return [{
    text: title, more: `${is ?? "unknown"} now`,
    deed: flags(supervisor, line, { [one]: wanted }, title, known, `${one} of ${name} is ${wanted} now.`),
  }];
}

/**
 * @param {Supervisor} supervisor
 * @param {Line|undefined} line
 * @param {Record<string, unknown>} changes
 * @param {string} title
 * @param {string} known
 * @param {string} text
 * @returns {Deed}
 */
const flags = (supervisor, line, changes, title, known, text) => ({
  title, method: "PUT", path: `/supervisors/${safe(supervisor.pid)}/flags`,
  body: { ...changes, ...(line?.critical ? { force: true } : {}) }, known, danger: false, done: () => ({ text, hint: "" }),
});

/** Return the value of a limit; null if it is none. @param {string} flag @param {string} text */
function numberOf(flag, text) {
  if (text.toLowerCase() === "infinity") return "infinity";
  if (!(flag === "max_restarts" ? /^\d{1,9}$/ : /^\d{1,8}(\.\d+)?$/).test(text)) return null;
  return flag === "max_seconds" && Number(text) === 0 ? null : Number(text);
}

/** Return the command of a query and the words after the verb. @param {string} question */
export function parsed(question) {
  const [verb = "", ...words] = question.trim().split(/\s+/);
  const command = COMMANDS.find(({ verbs }) => verbs.includes(verb.toLowerCase()));
  return command && (words.length || /\s$/.test(question)) ? { command, words } : null;
}

/** Return the words of a query to search processes by: ledger for `kill ledger`. @param {string} question */
export function subject(question) {
  const asked = parsed(question);
  if (!asked?.words.length) return question.trim();
  return asked.command.words ? asked.words[0] ?? "" : asked.words.join(" ");
}

/**
 * Return the actions that a query asks for, and a sentence if there are none.
 * @param {string} question
 * @param {Known} known
 * @returns {{items: Item[], note: string}}
 */
export function commands(question, known) {
  const asked = parsed(question);
  if (!asked) return { items: verbs(question.trim().toLowerCase()), note: "" };
  const { command, words } = asked;
  const targets = command.targets(known);
  if (!words.length) return { items: targets.slice(0, MOST).flatMap((target) => ways(command, target, [])).slice(0, MOST), note: "" };
  const lower = words.map((word) => word.toLowerCase());
  for (let rest = Math.min(command.words, words.length - 1); rest >= 0; rest -= 1) {
    const head = words.slice(0, words.length - rest).join(" "), tail = lower.slice(words.length - rest);
    const found = targets.flatMap(
      (target) => {
        const score = fit(head, target.name)?.score ?? (target.also.includes(head) ? 0 : null);
        return score === null ? [] : [{ target, score }];
      })
      .sort((one, other) => other.score - one.score);
    const exact = found.filter(({ target }) => target.name === head);
    const items = (exact.length ? exact : found).slice(0, MOST).flatMap(({ target }) => ways(command, target, tail)).slice(0, MOST);
    if (items.length) return { items, note: "" };
    const wrong = found.length ? command.wrong?.(tail) : "";
    if (wrong) return { items: [], note: wrong };
    if (exact.length)
      return { items: [], note: `${head} has no setting “${tail.join(" ")}”. Its strategy, max_restarts and max_seconds can be set.` };
  }
  const name = command.words ? words[0] ?? "" : words.join(" ");
  return unknown(command, targets, name, known);
}

/** @param {Command} command @param {Target[]} targets @param {string} name @param {Known} known */
function unknown(command, targets, name, known) {
  const there = processes(known).find((one) => one.name === name);
  if (there)
    return {
      items: [],
      note: command.operation === "process.suspend" ? `${name} is already suspended.`
        : command.operation === "process.resume" ? `${name} is not suspended.`
        : command.words ? `${name} is no supervisor with these settings.`
        : there.line?.supervisor ? `${name} is a child of a dynamic supervisor, which cannot ${command.verbs[0]} it by itself.`
        : `${name} is not supervised: no supervisor can ${command.verbs[0]} it.`,
    };
  const near = targets.map((target) => ({ target, far: distance(target.name.toLowerCase(), name.toLowerCase()) }))
    .filter(({ far }) => far <= Math.max(1, name.length / 3))
    .sort((one, other) => one.far - other.far).slice(0, 3).map(({ target }) => target);
  const what = command.words ? "supervisor" : "process";
  return {
    items: near.flatMap((target) => ways(command, target, [])).slice(0, MOST),
    note: `No ${what} is called “${name}”${near.length ? `; did you mean ${near.map((one) => one.name).join(" or ")}?` : "."}`,
  };
}

/** @param {Command} command @param {Target} target @param {readonly string[]} words @returns {Item[]} */
const ways = (command, target, words) => command.ways(target, words).map((way) => ({
  ...way, id: `do:${way.text} ${way.deed?.path ?? ""}`, group: "Commands", icon: way.deed?.danger ? "crashed" : "run",
}));

/** Offer verbs that begin so, all without a query. @param {string} asked @returns {Item[]} */
const verbs = (asked) => (asked.length === 1 ? [] : COMMANDS.filter((command) => command.verbs.some((verb) => verb.startsWith(asked)))
  .map(({ verbs: [verb = ""], label }) => ({
    id: `verb:${verb}`, group: "Commands", icon: "run", text: `${label}…`,
    more: verb === "set" ? "set NAME one_for_all" : `${verb} NAME`,
    fill: `${verb} `,
  })));

/** Return the number of letters to change, add or remove. @param {string} one @param {string} other */
export function distance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j += 1)
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other[j] ? 0 : 1)));
    row = next;
  }
  return row[other.length] ?? 0;
}
