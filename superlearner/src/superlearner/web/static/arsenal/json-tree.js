/**
 * JSON values as lines of a foldable tree, and lists of flat objects as tables. Pure: no DOM.
 *
 * @module
 */

/** @typedef {"object"|"list"|"text"|"number"|"boolean"|"null"} Kind */
/**
 * `key` is null for the root; `parts` is its path; `more` counts the omitted items of a long list or object.
 * @typedef {{id: string, parts: readonly (string|number)[], key: string|null, depth: number, kind: Kind,
 *   value: unknown, size: number, open: boolean, more: number}} Line
 */

/** Items of a list, or fields of an object, that are shown at once. */
export const STEP = 100;
/** Characters of a text that are shown before it is expanded. */
export const LONGEST = 400;
const DEEPEST = 60;

/** @param {unknown} value @returns {Kind} */
export function kindOf(value) {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "list";
  const type = typeof value;
  return type === "object" ? "object" : type === "string" ? "text" : type === "number" ? "number" : "boolean";
}

/** @param {unknown} value */
const entriesOf = (value) => (Array.isArray(value)
  ? value.map((one, place) => /** @type {[number, unknown]} */ ([place, one]))
  : Object.entries(/** @type {object} */ (value)));

/** @param {readonly (string|number)[]} parts */
const idOf = (parts) => JSON.stringify(parts);

/**
 * @param {unknown} value
 * @param {ReadonlyMap<string, boolean>} folds  lines that were opened or closed by hand, by id
 * @param {ReadonlyMap<string, number>} shown  number of items to show of long lists, by id
 * @returns {Line[]}
 */
export function linesOf(value, folds = new Map(), shown = new Map()) {
  /** @type {Line[]} */ const lines = [];
  /** @param {unknown} one @param {readonly (string|number)[]} parts */
  const walk = (one, parts) => {
    const kind = kindOf(one);
    const id = idOf(parts);
    const holds = kind === "object" || kind === "list";
    const size = holds ? (Array.isArray(one) ? one.length : Object.keys(/** @type {object} */ (one)).length)
      : kind === "text" ? String(one).length
      : 0;
    const open = holds && size > 0 && parts.length < DEEPEST && (folds.get(id) ?? opensItself(parts.length, size));
    const most = shown.get(id) ?? STEP;
    const last = parts.at(-1);
    lines.push({
      id, parts, key: last === undefined ? null : String(last), depth: parts.length, kind, value: one, size, open,
      more: open ? Math.max(0, size - most) : 0,
    });
    if (open) for (const [key, inside] of entriesOf(one).slice(0, most)) walk(inside, [...parts, key]);
  };
  walk(value, []);
  return lines;
}

/** Return whether a value is open at first: neither deep nor long. @param {number} depth @param {number} size */
const opensItself = (depth, size) => depth === 0 || (depth === 1 && size <= 20) || (depth === 2 && size <= 6);

/**
 * Return the path of a value in code notation: `data.links[2].pid`.
 * @param {readonly (string|number)[]} parts
 */
export const pathOf = (parts) => parts.reduce((/** @type {string} */ text, part) =>
  typeof part === "number" ? `${text}[${part}]` : /^[A-Za-z_]\w*$/.test(part) ? `${text}.${part}` : `${text}[${JSON.stringify(part)}]`,
  "data");

/** Return a value as text to copy: texts as they are, other values as JSON. @param {unknown} value */
export const copied = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "null");

/** Return a short summary of a closed object or list. @param {unknown} value @param {number} [room] */
export function preview(value, room = 80) {
  const text = JSON.stringify(value, (key, one) =>
    (key !== "" && typeof one === "string" && one.length > 40 ? `${one.slice(0, 40)}…` : one))
    ?? "null";
  return text.length > room ? `${text.slice(0, room)}…` : text;
}

const PID = /^(?:#PID)?<?(\d{1,15}\.\d{1,15}\.\d{1,15})>?$/;
const NO_PIDS = new Set(["version", "python", "release", "address", "host"]);

/**
 * Return the pid in a text in the form used in URLs, or "" for other text, such as a version.
 * @param {string} text
 * @param {string|null} key
 */
export const pidOf = (text, key) => (key !== null && NO_PIDS.has(key) ? "" : PID.exec(text)?.[1] ?? "");

/**
 * Return a time for seconds since 1970 if the name denotes a time; "" for other numbers.
 * @param {unknown} value
 * @param {string|null} key
 */
export function momentOf(value, key) {
  if (typeof value !== "number" || value < 1e9 || value > 1e10 || !/(^|_)(at|since|until|before|after|time)$/.test(key ?? "")) return "";
  return new Date(value * 1000).toLocaleString("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}

/**
 * Return the id of the restart that a row of a list is about, if it can be shown; else "".
 * @param {Readonly<Record<string, unknown>>} row
 */
export const restartOf = ({ ref, kept, count }) =>
  (typeof ref === "string" && /^[0-9a-f]{12}\.\d+$/.test(ref) && (kept === true || Number(count) > 1) ? ref : "");

/** @typedef {{columns: string[], rows: Record<string, unknown>[]}} Table */

/**
 * Return a list of objects as a table if most of their fields are plain values; null if a tree fits better.
 * @param {unknown} value
 * @param {readonly string[]} [first]  the columns that come first
 * @returns {Table|null}
 */
export function tableOf(value, first = []) {
  if (!Array.isArray(value) || !value.length || !value.every((one) => kindOf(one) === "object")) return null;
  const rows = /** @type {Record<string, unknown>[]} */ (value);
  const known = new Set(rows.slice(0, 1000).flatMap((one) => Object.keys(one)));
  const columns = [...new Set([...first.filter((one) => known.has(one)), ...known])];
  if (!columns.length || columns.length > 40) return null;
  const cells = rows.slice(0, 50).flatMap((one) => Object.values(one));
  const nested = cells.filter((one) =>
    kindOf(one) === "object" || (Array.isArray(one) && one.some((inside) => typeof inside === "object"))).length;
  return nested > cells.length / 4 ? null : { columns, rows };
}

/**
 * Return the rows in the order of a column: numbers by size, other values as displayed; empty ones last.
 * @param {readonly Record<string, unknown>[]} rows
 * @param {string} column
 * @param {boolean} down
 * @returns {Record<string, unknown>[]}
 */
export function sorted(rows, column, down) {
  const sign = down ? -1 : 1;
  /** @param {unknown} value */
  const none = (value) => value === null || value === undefined || value === "";
  /** @param {unknown} value */
  const text = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  return [...rows].sort((one, other) => {
    const [a, b] = [one[column], other[column]];
    if (none(a) || none(b)) return Number(none(a)) - Number(none(b));
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * text(a).localeCompare(text(b), "en", { numeric: true });
  });
}
