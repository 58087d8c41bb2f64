/**
 * The page's texts for states, strategies, times and numbers. Pure.
 *
 * @module
 */

/** @import { Budget, Row } from "../live/model.js" */

/** @type {Record<string, string>} */
export const STATES = {
  running: "running", starting: "starting", restarting: "restarting", exiting: "shutting down",
  stopped: "stopped", crashed: "crashed", stuck: "not answering", suspended: "suspended", gave_up: "gave up",
};

/** Return the state of a process, as the tree shows it, by its status: one that waits for a message runs. @param {string} status */
export const processState = (status) =>
  ({ suspended: "suspended", exiting: STATES.exiting, dead: "ended", "not running": "not running" })[status] ?? "running";

/** @type {Record<string, string>} */
export const STRATEGIES = {
  one_for_one: "When a child dies, only that child is restarted.",
  one_for_all: "When a child dies, all children are stopped and started again.",
  rest_for_one: "When a child dies, it and the children started after it are restarted.",
  simple_one_for_one: "All children are of one kind and started on demand. When one dies, only that one is restarted.",
  dynamic: "Children are started on demand. When one dies, only that one is restarted.",
};

/** @type {Record<string, string>} */
export const RESTARTS = {
  permanent: "permanent: always restarted",
  transient: "transient: restarted only after a failure",
  temporary: "temporary: never restarted",
};

const numbers = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** @param {number} value */
export const number = (value) => numbers.format(value);

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** Return how often something happened, as `times_text` of `otp.sentences` does. @param {number} count */
export const often = (count) => ["once", "twice"][count - 1] ?? `${number(count)} times`;

/** Return the number of failed ends in words: `1 kill, 2 crashes`. A kill is no crash. @param {readonly string[]} reasons */
export function failures(reasons) {
  const kills = reasons.filter((reason) => reason === "killed").length, crashes = reasons.length - kills;
  return [kills ? counted(kills, "kill") : "", crashes || !kills ? counted(crashes, "crash", "crashes") : ""].filter(Boolean).join(", ");
}

/**
 * Return whether a process ended in order: normally, or shut down, also with a reason of its own as in
 *   `('shutdown', 'full')`.
 * @param {string} reason
 */
export const isOrderly = (reason) => /^(normal\b|shutdown\b|\(?'?shutdown'?,)/.test(reason);

/** The reason of a place where no process has been yet. */
export const ABSENT = "shutdown, not started";

/** Return a reason without the question about it, which is too long for a row. @param {string} reason */
export const withoutQuestion = (reason) => reason.replace(/: did no case match, or is a return missing\?$/, "");

/** Return the line after a reason, unless it names it. @param {string|null|undefined} where @param {string} reason */
export const atPlace = (where, reason) => (where && !reason.includes(`(${where.split(" ")[0]})`) ? `, at ${where}` : "");

/** Return a text as a sentence: with a full stop, unless it ends with a mark. @param {string} text */
export const asSentence = (text) => (/[.?!]$/.test(text) ? text : `${text}.`);

/**
 * Return a time of day, with the date if it is not today.
 * @param {number} at  seconds since 1970
 */
export function time(at) {
  const moment = new Date(at * 1000);
  const text = clock.format(moment);
  return moment.toDateString() === new Date().toDateString() ? text : `${day.format(moment)}, ${text}`;
}

/** Return the same with milliseconds. @param {number} at  seconds since 1970 */
export const precise = (at) => `${time(at)}.${String(new Date(at * 1000).getMilliseconds()).padStart(3, "0")}`;

/**
 * Return a measured duration as `elapsed` of `otp.sentences` does: 0.42 ms, 4.2 s, 2 min 10 s; without line breaks.
 * @param {number} seconds
 */
export function elapsed(seconds) {
  const ms = Math.max(0, seconds) * 1000, shown = Number(ms.toFixed(ms < 1 ? 2 : ms < 10 ? 1 : 0)), whole = rounded(seconds);
  if (seconds < 0.0995) return shown ? `${shown}\u00a0ms` : "0\u00a0s";
  if (whole < 120) return `${whole < 100 ? Number(seconds.toFixed(seconds < 1 ? 2 : 1)) : whole}\u00a0s`;
  /** @type {[number, string, number, string]} */
  const [size, unit, partSize, part] = rounded(seconds / 60) < 120 ? [60, "min", 1, "s"]
    : rounded(seconds / 3600) < 48 ? [3600, "h", 60, "min"] : [86400, "days", 3600, "h"];
  const parts = rounded(seconds / partSize), each = size / partSize, count = Math.floor(parts / each), rest = parts % each;
  if (count >= 10) return `${number(rounded(seconds / size))}\u00a0${unit}`;
  return `${count}\u00a0${unit}${rest ? `\u00a0${rest}\u00a0${part}` : ""}`;
}

/** Return an integer, of a half the even one, as Python does. @param {number} value */
const rounded = (value) => (value % 2 === 0.5 ? Math.floor(value) : Math.round(value));

/**
 * Return an age, the time until something, or a limit, with its unit and without line breaks; `elapsed` is for measured durations.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 10) return `${Math.max(0.1, Math.round(seconds * 10) / 10)}\u00a0s`;
  if (seconds < 100) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)}\u00a0min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)}\u00a0h`;
  return `${Math.round(seconds / 86400)}\u00a0days`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes}\u00a0B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)}\u00a0kB`;
  return `${(bytes / 1e6).toFixed(1)}\u00a0MB`;
}

/**
 * Return the state of a row in words, with its duration or time.
 * @param {Row} row
 * @param {number} now  server time
 */
export function stateText(row, now) {
  if (row.again_at && (row.state === "gave_up" || row.state === "restarting")) {
    const wait = row.again_at - now;
    if (wait <= 0) return `${STATES[row.state]}, starting again`;
    return row.state === "restarting" ? `restarting in ${Math.ceil(wait)} s` : `${STATES[row.state]}, again in ${Math.ceil(wait)} s`;
  }
  return STATES[row.state] ?? row.state;
}

/**
 * Return the reason for a state: what the process does, who suspended it, or why it ended; "" while it runs.
 * @param {Pick<Row, "state"|"doing"|"last">} row
 */
export function stateReason({ state, doing, last }) {
  if (state === "stuck") return doing ?? "";
  if (state === "suspended") return doing ? `by ${doing}` : "";
  const ended = ["crashed", "restarting", "gave_up"].includes(state) ? last?.crash : state === "stopped";
  return (ended && last?.reason) || "";
}

/** Return the state with its reason: `crashed: KeyError('a')`. @param {Pick<Row, "state"|"doing"|"last">} row */
export function reasonedState(row) {
  const reason = stateReason(row);
  return `${STATES[row.state] ?? row.state}${reason && (row.state === "suspended" ? " " : ": ")}${reason}`;
}

/** The budget of a supervisor without a limit of restarts. */
export const UNLIMITED = "unlimited restarts";

/** Return whether a budget allows too many restarts to count those left. @param {Pick<Budget, "max">} budget */
export const unlimited = (budget) => budget.max > 999;

/** The window of a budget whose restarts count forever, in seconds. */
export const EVER = 1e9;

/** Return the window of a budget for a sentence; "" if its restarts count forever. @param {number|null|undefined} window_s */
export const windowText = (window_s) => (window_s && window_s < EVER ? ` in ${Number(window_s.toPrecision(6))}\u00a0s` : "");

/**
 * Return how many restarts are left, as `budget` of `otp.sentences` does; for a very large budget, how many it allows.
 * @param {number} left
 * @param {{max: number, window_s?: number|null}} budget
 */
export const budgetText = (left, budget) =>
  (unlimited(budget) ? `${number(budget.max)} restarts allowed` : `${number(left)} of ${counted(budget.max, "restart")} left`)
    + windowText(budget.window_s).replace("\u00a0", " ");

/** Return why a supervisor gave up, as `gave_up` of `otp.sentences` does. @param {readonly [number, number|null]} limit */
export function overText([max, window_s]) {
  if (!max) return "it allows no restarts";
  const next = max + 1, teen = [11, 12, 13].includes(next % 100), ending = teen ? "th" : ["th", "st", "nd", "rd"][next % 10] ?? "th";
  const time = windowText(window_s).replace("\u00a0", " ");
  return `max_restarts=${max} allows ${counted(max, "restart")}${time}, and a ${number(next)}${ending} was needed`;
}

const BUDGET = /; \d+ of \d+ restarts? left( in [\d.]+ s)?(?=;|$)/;

/** Return a sentence without the restarts that were left then. @param {string} text */
export const withoutBudget = (text) => text.replace(BUDGET, "");

/** Return the same from a limit as a moment has it. @param {number} left @param {readonly [number, number]} limit */
export const limitText = (left, [max, window_s]) => budgetText(left, { max, window_s });

/** Classes of the library that say no more than the strategy. */
const PLAIN = new Set(["supervisor", "dynamicsupervisor", "tasksupervisor"]);

/** @param {string} text */
const bare = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]|\d+$/gu, "");

/**
 * Return the text after the name of a process: its class if it differs from the name, and the strategy.
 * @param {Row} row
 */
export const kindText = (row) => [classText(row), row.strategy ?? ""].filter(Boolean).join(" · ");

/** Return its class if it differs from the name; nothing for a private function that a process runs. @param {Row} row */
export function classText(row) {
  const what = row.what.toLowerCase();
  const more = what !== "" && !what.startsWith("_") && bare(row.name ?? row.id) !== bare(row.what)
    && !(row.name ?? row.id).toLowerCase().startsWith(what) && !(row.kind === "supervisor" && PLAIN.has(what));
  return more ? row.what : "";
}

/** The meaning of the page's figures, for tooltips and the help. */
export const MEANINGS = {
  pid: "Process id. A process that is restarted gets a new pid.",
  state: "What the process does now; the help (?) shows the shapes.",
  restarts: "How often this child has been restarted.",
  budget: "Restarts left in the current period. With none left, the next failure makes the supervisor give up: "
    + "it ends with all its children.",
  mailbox: "Messages waiting to be processed.",
  events: "Events recorded in the last minute: starts, ends, restarts, messages of watched processes.",
  lag: "The longest delay of the event loop in the last half second. A high value means that a callback blocks the loop.",
  processes: "The living processes of the node, without those that the platform runs for itself. Those without a supervisor are at "
    + "the end of the tree.",
  running: "Processes of the tree that run, without the platform's own.",
};

/** Return why a process cannot be killed while a replay shows it as stopped. @param {string} name */
export const downText = (name) => `The replay shows ${name} as stopped. You can kill it once the replay shows it running.`;

/** Return text as a sentence: with a full stop, and a capital unless it begins with a name of the code. @param {string} words */
export function sentence(words) {
  const begun = /^\w*(?:[_(]|\.\w)/.test(words) ? words : `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
  return `${begun}${/[.!?]$/.test(words) ? "" : "."}`;
}

/** Return a text as a part of a sandbox's name. @param {string} text */
export const namePart = (text) => text.replace(/[^A-Za-z0-9_-]+/g, "-");

/** The line of a service that somebody attached or detached, which is no restart of its program. */
export const CHOSEN = / is (?:attached (?:again )?on request, |no longer (?:observed|looked for): it was detached on request$)/;

/** How the line of a service ends whose program has not ended: its process answers again, or was continued. */
export const RAN_ON = /: its process \d+ has run on$| and is running again$/;

/** Return a request without its operation: `your request over HTTP`. @param {string} request */
export const shortRequest = (request) => request.replace(/ \([\w.]+\)$/, "");
