/**
 * The operations, grouped by relevance, and a search among them. Pure: no DOM.
 *
 * @module
 */

/** @import { Line } from "./form-fields.js" */
/** @typedef {{category: string, label: string, lines: Line[]}} Group */
/** @typedef {{effect: ""|"reads"|"changes"|"destroys", scope: ""|"read"|"operate"|"code"}} Filter */

/** Display names of categories, the most used first. @type {Record<string, string>} */
const LABELS = {
  process: "Processes", supervisor: "Supervisors", tree: "Supervision tree", state: "State of a process", mailbox: "Mailboxes",
  trace: "Traces of messages", error: "Errors and crashes", restart: "Restarts, step by step", simulation: "Break things on purpose",
  recording: "Recordings", sandbox: "Sandboxes", debug: "Debugging a server", system: "The whole system", analytics: "Restarts in numbers",
  events: "What happens, live", log: "Log", application: "Applications", code: "Code and upgrades", registry: "Names and registries",
  settings: "Settings", token: "Tokens", user: "Users", audit: "Audit log", store: "What is stored", node: "Nodes",
  arsenal: "These operations", docs: "Documentation", game: "Predict, the game",
};

/** The most used operations, in the words of users. @type {Record<string, string>} */
export const OFTEN = {
  "process.kill": "Kill a process and see who restarts it", "process.list": "See all processes",
  "process.message": "Send a message to a process", "tree.show": "See the supervision tree",
  "supervisor.restart_child": "Restart a child of a supervisor", "error.why": "Find out why a process was restarted",
  "restart.show": "See a restart step by step", "events.stream": "Watch what happens, live",
  "simulation.chaos": "Let chance break things, bounded",
};

/** The most used operations of each category. @type {Record<string, string[]>} */
const FIRST = {
  process: ["kill", "list", "info", "message", "shutdown", "exit", "start", "bulk", "terminate_tree", "suspend", "resume"],
  supervisor: [
    "list", "info", "children", "restart_child", "restart", "start_child", "change_strategy", "predict", "terminate_child", "delete_child",
  ],
  tree: ["show"], state: ["get", "set", "update", "backup", "restore"], mailbox: ["peek", "count", "search"],
  trace: ["start", "start_group", "list", "history", "end"],
  error: ["why", "last", "list"], restart: ["show", "list"],
  simulation: ["crash", "crash_next", "drop", "delay", "slow_callbacks", "chaos", "slow", "flood"],
  recording: ["start", "stop", "list"],
  sandbox: ["create", "list", "info", "hot_reload", "restart", "destroy"],
  system: ["health", "anomalies", "bottlenecks"],
  registry: ["names", "whereis", "register"], settings: ["list", "get", "set"], token: ["create", "list", "revoke"],
  user: ["add", "link", "list", "role"], application: ["list", "info", "start", "stop"],
};

/** Synonyms for the search. @type {Record<string, string[]>} */
const SYNONYMS = {
  kill: ["end", "stop"], stop: ["end", "terminate", "shutdown"], delete: ["remove", "forget", "unregister"],
  crash: ["fail", "error"], fail: ["crash", "error"],
  happen: ["restart", "stream"], gave: ["give-up"],
  give: ["give-up"],
  send: ["message"], find: ["list", "search", "whereis"], show: ["list", "info"], queue: ["mailbox"], actor: ["process"],
  worker: ["process", "child"], memory: ["memory"], upgrade: ["reload"], reload: ["code"], undo: ["restore"], pause: ["suspend"],
  freeze: ["suspend"], watch: ["stream", "trace"], password: ["token"], user: ["user", "token", "audit"], config: ["settings"],
  configuration: ["settings"], permission: ["token"], why: ["why", "error"],
};
const EMPTY = new Set(["a", "an", "the", "of", "to", "my", "how", "do", "i", "me", "can", "all", "who", "what", "which", "is",
  "was", "were", "has", "have", "did", "does", "it", "something", "anything", "someone", "last", "up"]);
/** Words of a question: it is about what happened, rather than about a change. */
const ASKING = /\b(who|what|which|why|when|did|has|was|were|last)\b/i;

/** @param {string} category */
const labelOf = (category) => LABELS[category] ?? category.charAt(0).toUpperCase() + category.slice(1).replaceAll("_", " ");

/**
 * @param {readonly Line[]} lines
 * @returns {Group[]}  the most used first, those of packages last
 */
export function grouped(lines) {
  const order = Object.keys(LABELS);
  /** @type {Map<string, Line[]>} */ const found = new Map();
  for (const line of lines) found.set(line.category, [...(found.get(line.category) ?? []), line]);
  /** @param {string} category */
  const place = (category) => (order.includes(category) ? order.indexOf(category) : order.length);
  return [...found].sort(([one], [other]) => place(one) - place(other) || one.localeCompare(other))
    .map(([category, inside]) => ({ category, label: labelOf(category), lines: ordered(category, inside) }));
}

/** @param {string} category @param {Line[]} lines */
function ordered(category, lines) {
  const first = FIRST[category] ?? [];
  /** @param {Line} line */
  const place = (line) => {
    const at = first.indexOf(line.name.slice(line.name.indexOf(".") + 1));
    return at < 0 ? first.length + (line.changes ? 1 : 0) : at;
  };
  return lines.sort((one, other) => place(one) - place(other) || one.summary.localeCompare(other.summary));
}

/** @param {Line} line @param {Filter} filter */
export function passes(line, { effect, scope }) {
  const right = effect === "" || (effect === "reads" && !line.changes) || (effect === "changes" && line.changes)
    || (effect === "destroys" && line.destroys);
  return right && (scope === "" || line.scope === scope);
}

/**
 * Return how well an operation matches what was typed; 0 for not at all. Each word must match the name, the label,
 * the description, a synonym, or a sequence of letters in order.
 * @param {Line} line
 * @param {string} typed
 */
export function fit(line, typed) {
  const words = typed.toLowerCase().split(/[\s,;/]+/).filter(Boolean);
  const asked = words.filter((word) => !EMPTY.has(word));
  let sum = 0;
  for (const word of asked.length ? asked : words) {
    const known = [word, stem(word)].find((one) => Object.hasOwn(SYNONYMS, one));
    const alike = [word, ...(known ? SYNONYMS[known] ?? [] : [])];
    const found = Math.max(...alike.map((one, place) => fitOf(line, stem(one)) * (place ? 0.8 : 1)));
    if (!found) return 0;
    sum += found;
  }
  return words.length ? sum / words.length : 1;
}

/** Return a word without its plural or past-tense ending: `crashes` and `crashed` become `crash`. @param {string} word */
const stem = (word) => (word.length > 5 && word.endsWith("ed") ? word.slice(0, -2).replace(/([^aeiouls])\1$/, "$1")
  : word.length > 4 && word.endsWith("es") && !word.endsWith("tes") ? word.slice(0, -2)
  : word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1)
  : word);

/** @param {Line} line @param {string} word */
function fitOf(line, word) {
  const name = line.name.toLowerCase();
  const summary = line.summary.toLowerCase();
  if (name === word) return 12;
  if (name.split(/[._]/).includes(word)) return 9 - name.length / 100;
  if (summary.split(/\W+/).map(stem).includes(word)) return 8 - summary.length / 100;
  if (name.includes(word)) return 6 - name.length / 100;
  if (summary.includes(word)) return 5 - summary.length / 100;
  if (labelOf(line.category).toLowerCase().includes(word)) return 4;
  if (line.description.toLowerCase().includes(word)) return 3;
  return word.length > 2 && inOrder(name, word) ? 1 : 0;
}

/** Return whether the letters occur in this order: `prkill` in `process.kill`. @param {string} text @param {string} letters */
function inOrder(text, letters) {
  let at = -1;
  return [...letters].every((letter) => (at = text.indexOf(letter, at + 1)) >= 0);
}

/**
 * @param {readonly Line[]} lines
 * @param {string} typed
 * @param {Filter} filter
 * @returns {Group[]}  the remaining operations, grouped; with a search in one group, best first
 */
export function found(lines, typed, filter) {
  const left = lines.filter((line) => passes(line, filter));
  if (!typed.trim()) return grouped(left);
  const words = typed.split(/\s+/).filter((word) =>
    lines.some((line) => fit(line, word) > 0)); // others may be names of processes
  const rank = (/** @type {Line} */ line) => fit(line, words.join(" ")) * (line.changes && ASKING.test(typed) ? 0.5 : 1);
  const fits = left.map((line) => ({ line, score: words.length ? rank(line) : 0 })).filter((one) => one.score > 0);
  const best = Math.max(0, ...fits.map((one) => one.score));
  const close = fits.filter((one) => one.score >= best * 0.45)
    .sort((one, other) => other.score - one.score || one.line.name.localeCompare(other.line.name));
  return close.length ? [{ category: "", label: "Found", lines: close.map((one) => one.line) }] : [];
}
