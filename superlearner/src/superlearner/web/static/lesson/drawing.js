/**
 * A tree of supervisors and workers that is drawn or typed: one model for both. The text is that of the exercise, one
 * name a line, indented; its rules are those of `drawn_tree.py`.
 *
 * @module
 */

/** @typedef {"supervisor"|"dynamic"|"worker"|"store"} Kind */
/** @typedef {{name: string, kind: Kind, strategy: string, line: number, children: DrawnNode[]}} DrawnNode */
/** @typedef {number[]} Path  places from the root downwards */
/** @typedef {{line: number, say: string}} Problem */
/** @typedef {{roots: DrawnNode[], problem: Problem|null, drawable: boolean}} Drawing */

export const STRATEGIES = ["one_for_one", "rest_for_one", "one_for_all"];
/** @type {Record<Kind, string>} */
export const KINDS = {
  supervisor: "Supervisor", dynamic: "DynamicSupervisor", worker: "Worker (GenServer)", store: "Store (GenServer)",
};
const FOUND = /^([ \t]*drawing\s*=\s*[rR]?)("""|''')([\s\S]*?)\2/m;
const COMMENT = /\s#(?!\d).*/, LABEL = /[A-Za-z?].*[\w)\]?]|[A-Za-z?]/, BRACKETS = /[([]([^)\]]*)[)\]]?/g;
const BRANCH = /^[\s│|]*[├└+`|\\]?[─-]+\s*\w/, SIGNS = /^[\sV│┌┐└┘├┤┬┴┼─|+\-/\\▼▲v^*'`.╭╮╰╯━┃]+$/;
const ARROW = /^[vV]$/, LONE = /^\s*[vV]$/, NAMED_V = /[─-]\s+[vV]$/;
const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g, STRATEGY = /(?<!\w)(?:one_for_one|one_for_all|rest_for_one)(?!\w)/;
const SUPERVISORS = ["sup", "supervisor", "root", "app", "application"];
const STORES = ["store", "state", "cache", "table", "memory", "storage", "database"];
const STORE = /^(?:the )?(?:(?:state|data|shared|key-value) )?(?:store|storage|state|cache|table)$/i;
const SUPERVISES_ONLY = /^(?:one_for_one|one_for_all|rest_for_one|dynamic)$/;
const DYNAMIC = /dynamic|simple_one_for_one/i, SUPERVISES = /\b(?:sup|supervisor)\b/i;
const SERVES = /^(?:a )?(?:gen_?server|worker|server|agent|process)$/i, WORKS = /^(?:a )?worker$/i;
const REMARKS = new Set([
  "supervisor", "supervisors", "supervision", "permanent", "temporary", "transient", "static", "root", "worker", "workers",
  "agent", "agents", "child", "children", "sup", "a", "the", "genserver", "gen_server", "server", "process",
]);

// The file

/** Return the drawing in a file: its text, and the line on which it begins; null without one. @param {string} source */
export function drawingIn(source) {
  const found = FOUND.exec(source);
  if (!found) return null;
  const start = found.index + (found[1] ?? "").length + 3, text = found[3] ?? "";
  return { text, start, end: start + text.length, line: source.slice(0, start).split("\n").length };
}

/** Return the file with another drawing. @param {string} source @param {string} text */
export function withDrawing(source, text) {
  const found = drawingIn(source);
  return found ? `${source.slice(0, found.start)}\n${text}\n${source.slice(found.end)}` : source;
}

/** @param {string} key */
const countPattern = (key) => new RegExp(`(["']${key}["']\\s*:\\s*)(None|\\d+)`);

/** Return how many processes a file says that a crash ends. @param {string} source @param {string} key */
export const countIn = (source, key) => countPattern(key).exec(source)?.[2]?.replace("None", "") ?? "";

/** Return the file with another number of processes; none for "". @param {string} source @param {string} key @param {string} count */
export const withCount = (source, key, count) =>
  source.replace(countPattern(key), `$1${/^\d{1,3}$/.test(count) ? Number(count) : "None"}`);

// Text to tree

/**
 * @typedef {{label: string, name: string, words: string[], remarks: string[], left: number, line: number,
 *   children: Label[]}} Label
 */

/** @param {string} label @param {number} left @param {number} line @returns {Label} */
function labelOf(label, left, line) {
  const name = label.replace(BRACKETS, "").trim();
  const words = (name.match(WORD) ?? []).map((word) => word.toLowerCase());
  while (words.length > 1 && /^(?:.|\d+)$/.test(words.at(-1) ?? "")) words.pop();
  return { label, name, words, remarks: [...label.matchAll(BRACKETS)].map((found) => (found[1] ?? "").trim()), left, line, children: [] };
}

/** @param {Label[]} labels @returns {Label[]} */
const all = (labels) => labels.flatMap((label) => [label, ...all(label.children)]);

/** @param {Label} label */
const last = ({ words }) => words.at(-1) ?? "";

/** @param {Label} label */
const worksOnly = ({ children, remarks }) => !children.length && remarks.some((one) => WORKS.test(one));

/** @param {Label} one */
function isDynamic(one) {
  if (worksOnly(one)) return false;
  const named = one.words.includes("dynamic") && (one.children.length > 0 || ["dynamic", ...SUPERVISORS].includes(last(one)));
  return named || last(one) === "pool" || one.remarks.some((remark) => DYNAMIC.test(remark));
}

/** A pool with a strategy is no dynamic supervisor beside another one. @param {Label[]} everyone */
function dynamicIn(everyone) {
  const found = everyone.filter(isDynamic), called = found.filter(({ label }) => /dynamic/i.test(label));
  const plain = found.filter(({ label }) => !STRATEGY.test(label));
  return called.length ? called : plain.length ? plain : found;
}

/** @param {Label} one */
function isStore(one) {
  if (worksOnly(one) || one.remarks.some((remark) => SUPERVISES_ONLY.test(remark))) return false;
  const words = one.words.filter((word) => word !== "server" && word !== "process"), named = STORES.includes(words.at(-1) ?? "");
  if (one.children.length) return named && !STRATEGY.test(one.label) && !one.remarks.some((remark) => SUPERVISES.test(remark));
  return named || one.remarks.some((remark) => STORE.test(remark));
}

/** @param {Label} one */
function isSupervisor(one) {
  const words = one.children.length ? one.words : [last(one)];
  const named = words.some((word) => SUPERVISORS.includes(word)) || /(sup|supervisor)$/i.test(one.name);
  return ((named || STRATEGY.test(one.name)) && !one.remarks.some((remark) => SERVES.test(remark)))
    || one.remarks.some((remark) => SUPERVISES.test(remark) || STRATEGY.test(remark)) || isDynamic(one);
}

/** Return the strategy in the brackets of a label, else the one in its name. @param {Label} one */
const strategyIn = ({ label, remarks }) => STRATEGY.exec([...remarks, label].join("\n"))?.[0];

/** @param {Label} one */
function misread(one) {
  const strange = one.children.length
    ? one.remarks.find((remark) => !STRATEGY.test(remark) && !DYNAMIC.test(remark)
      && !(remark.toLowerCase().match(/[a-z]\w*/g) ?? []).every((word) => REMARKS.has(word)))
    : undefined;
  return strange === undefined ? "" : `(${strange}) is no strategy: choose ${STRATEGIES.slice(0, 2).join(", ")} or ${STRATEGIES[2]}.`;
}

/** Read a drawing. @param {string} text @returns {Drawing} */
export function read(text) {
  const lines = text.split("\n").map((line) => line.replaceAll("\t", "    ").replace(COMMENT, "").trimEnd());
  const signs = lines.findIndex((line) => line.trim() && SIGNS.test(line) && !LONE.test(line));
  if (signs >= 0 && !lines.some((line) => BRANCH.test(line)))
    return {
      roots: [], drawable: false,
      problem: { line: signs, say: "Trees with names side by side stay text; here, one name stands on each line." },
    };
  /** @type {Label[]} */ const roots = [];
  /** @type {Label[]} */ const above = [];
  lines.forEach((line, at) => {
    const found = LABEL.exec(line);
    if (!found || (ARROW.test(found[0]) && signs >= 0 && !NAMED_V.test(line))) return;
    const label = labelOf(found[0], found.index, at);
    while (above.length && (above.at(-1)?.left ?? 0) >= label.left) above.pop();
    (above.at(-1)?.children ?? roots).push(label);
    above.push(label);
  });
  const everyone = all(roots), pools = dynamicIn(everyone);
  /** @param {Label} one @param {boolean} root @returns {DrawnNode} */
  const node = (one, root) => {
    const kind = isStore(one) ? "store" : pools.includes(one) ? "dynamic" : isSupervisor(one) ? "supervisor" : "worker";
    const strategy = strategyIn(one) ?? (root ? "rest_for_one" : "one_for_one");
    return { name: one.name, kind, strategy, line: one.line, children: one.children.map((child) => node(child, false)) };
  };
  const drawn = roots.map((root) => node(root, true));
  return { roots: drawn, drawable: true, problem: problemOf(drawn, everyone) };
}

/** Return the kind that the text gives to a name without children. @param {string} name @returns {Kind} */
export function kindOfName(name) {
  const label = labelOf(name, 0, 0);
  return isStore(label) ? "store" : isDynamic(label) ? "dynamic" : isSupervisor(label) ? "supervisor" : "worker";
}

/** @param {DrawnNode[]} roots @param {Label[]} labels @returns {Problem|null} */
function problemOf(roots, labels) {
  const [first, second] = roots;
  const strange = labels.find(misread);
  if (strange) return { line: strange.line, say: `${strange.name}: ${misread(strange)}` };
  const parent = nodes(roots).find((node) => node.children.length && !supervises(node));
  if (parent) return { line: parent.line, say: `${parent.name} is a ${parent.kind} and has children: only supervisors have children.` };
  return first && second ? { line: second.line, say: `${second.name} stands beside ${first.name}: a tree has one root.` } : null;
}

/** Return all nodes, in the order in which they start. @param {DrawnNode[]} roots @returns {DrawnNode[]} */
export const nodes = (roots) => roots.flatMap((root) => [root, ...nodes(root.children)]);

// Tree to text

/** Return a tree as text. @param {DrawnNode[]} roots @param {number} [depth] @returns {string} */
export function write(roots, depth = 0) {
  return roots.map((root) =>
    [`${"  ".repeat(depth)}${lineOf(root)}`, ...(root.children.length ? [write(root.children, depth + 1)] : [])].join("\n")).join("\n");
}

/** @param {DrawnNode} node */
function lineOf({ name, kind, strategy, children }) {
  if (kind === "supervisor") return `${name} (${strategy})`;
  if (kind === "dynamic") return `${name} (dynamic)`;
  const plain = labelOf(name, 0, 0);
  if (children.length) return `${name} (GenServer)`;
  if (kind === "store") return isStore(plain) ? name : `${name} (store)`;
  return isStore(plain) || isSupervisor(plain) || SIGNS.test(name) ? `${name} (worker)` : name;
}

/** Return what is left of a name that can stand in a drawing. @param {string} text */
export const cleanName = (text) => text.replace(/[^\w ]/g, "").replace(/^[^A-Za-z]+/, "").replace(/ +/g, " ").slice(0, 40);

// Changes: each returns another tree, and the path of what was changed

/** Return the node at a path. @param {DrawnNode[]} roots @param {Path} path @returns {DrawnNode|null} */
export function at(roots, path) {
  return path.reduce((/** @type {DrawnNode|null} */ found, place, depth) => (depth ? found?.children : roots)?.[place] ?? null, null);
}

/** @param {DrawnNode[]} roots @param {Path} path */
const siblingsOf = (roots, path) => (path.length > 1 ? at(roots, path.slice(0, -1))?.children ?? [] : roots);

/** Return whether a node can have children. @param {DrawnNode} node */
export const supervises = ({ kind }) => kind === "supervisor" || kind === "dynamic";

/** @type {Record<Kind, string>} */
const NAMES = { supervisor: "Supervisor", dynamic: "Pool", worker: "Worker", store: "Store" };

/**
 * Add a node below a supervisor, or after another node; a dynamic supervisor has only workers.
 * @param {DrawnNode[]} before @param {Path} path @param {Kind} kind
 */
export function add(before, path, kind) {
  const roots = structuredClone(before), dynamic = kind === "worker" ? -1 : path.findIndex((_, depth) =>
    depth > 0 && at(roots, path.slice(0, depth + 1))?.kind === "dynamic");
  const beside = dynamic < 0 ? path : path.slice(0, dynamic + 1), target = at(roots, beside);
  const after = target !== null && (dynamic > 0 || !supervises(target));
  const above = !target ? [] : after ? beside.slice(0, -1) : beside, parent = at(roots, above);
  const siblings = parent?.children ?? roots, place = after ? (beside.at(-1) ?? 0) + 1 : siblings.length;
  const known = new Set(nodes(roots).map(({ name }) => name)), base = !parent ? "Root" : parent.kind === "dynamic" ? "Agent" : NAMES[kind];
  let name = base, number = 1;
  if (base === "Agent" || base === "Worker" || base === "Supervisor") name = `${base} ${number}`;
  while (known.has(name)) name = `${base} ${++number}`;
  siblings.splice(place, 0, { name, kind: parent ? kind : "supervisor", strategy: "one_for_one", line: 0, children: [] });
  return { roots, path: [...above, place] };
}

/** @param {DrawnNode[]} before @param {Path} path @param {Partial<DrawnNode>} change */
export function change(before, path, change) {
  const roots = structuredClone(before), node = at(roots, path);
  if (node) Object.assign(node, change);
  return { roots, path };
}

/** Remove a node with all below it. @param {DrawnNode[]} before @param {Path} path */
export function remove(before, path) {
  const roots = structuredClone(before), siblings = siblingsOf(roots, path), place = path.at(-1) ?? 0;
  siblings.splice(place, 1);
  const next = siblings.length ? [...path.slice(0, -1), Math.min(place, siblings.length - 1)] : path.slice(0, -1);
  return { roots, path: next.length || !roots.length ? next : [0] };
}

/**
 * Move a node among its siblings, below the sibling before it, or behind its parent; null if there is no such place.
 * @param {DrawnNode[]} before @param {Path} path @param {"up"|"down"|"in"|"out"} way
 */
export function move(before, path, way) {
  const place = path.at(-1) ?? 0, parent = path.slice(0, -1), siblings = siblingsOf(before, path), previous = siblings[place - 1];
  if (way === "out") return path.length > 2 ? put(before, path, [...path.slice(0, -2), (parent.at(-1) ?? 0) + 1]) : null;
  if (way === "in") return previous && supervises(previous) ? put(before, path, [...parent, place - 1, previous.children.length]) : null;
  const to = place + (way === "up" ? -1 : 2);
  return to < 0 || to > siblings.length ? null : put(before, path, [...parent, to]);
}

/**
 * Move a node to a place, counted before the move; null if that is inside of the node.
 * @param {DrawnNode[]} before @param {Path} from @param {Path} to
 */
export function put(before, from, to) {
  if (from.every((place, depth) => to[depth] === place) && to.length > from.length) return null;
  const roots = structuredClone(before), node = at(roots, from);
  if (!node) return null;
  const moved = { ...node };
  siblingsOf(roots, to).splice(to.at(-1) ?? 0, 0, moved);
  const old = listWith(roots, node);
  old?.splice(old.indexOf(node), 1);
  return { roots, path: pathOf(roots, moved) ?? [0] };
}

/**
 * Return the place to which a node is dropped: below a supervisor, beside any other node, or out of its branch if it is
 * dragged to the left. Null if it stays.
 *
 * @param {DrawnNode[]} roots
 * @param {Path} on  the row under the pointer
 * @param {boolean} after  the pointer is in the lower half of that row
 * @param {Path} [from]  where the node is
 * @param {number} [out]  levels by which it is dragged to the left
 * @returns {Path|null}
 */
export function dropPath(roots, on, after, from = [], out = 0) {
  const itself = from.length > 0 && from.every((place, depth) => on[depth] === place), beside = itself ? from : on;
  const node = itself ? null : at(roots, on);
  if (node && supervises(node)) return [...on, node.children.length];
  if (itself && (out < 1 || from.length < 3)) return null;
  let to = after || out > 0 ? [...beside.slice(0, -1), (beside.at(-1) ?? 0) + 1] : beside;
  for (let level = out; level > 0 && to.length > 2; level -= 1) to = [...to.slice(0, -2), (to.at(-2) ?? 0) + 1];
  return to;
}

/** Return the siblings that a node is among. @param {DrawnNode[]} siblings @param {DrawnNode} node @returns {DrawnNode[]|null} */
const listWith = (siblings, node) =>
  siblings.includes(node)
    ? siblings
    : siblings.reduce((/** @type {DrawnNode[]|null} */ found, one) => found ?? listWith(one.children, node), null);

/** Return the path of a node. @param {DrawnNode[]} roots @param {DrawnNode} node @returns {Path|null} */
export function pathOf(roots, node) {
  for (const [place, one] of roots.entries()) {
    if (one === node) return [place];
    const below = pathOf(one.children, node);
    if (below) return [place, ...below];
  }
  return null;
}
