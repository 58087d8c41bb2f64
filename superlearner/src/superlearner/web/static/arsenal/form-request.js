/**
 * Operations with values as requests, and refusals as texts per field. Pure: no DOM.
 *
 * @module
 */

/** @import { Line } from "./form-fields.js" */
/** @typedef {{method: string, path: string, query: [string, string][], body: Record<string, unknown>|undefined}} Request */
/** @typedef {Partial<Api.ErrorDetail>} Detail */

/**
 * Return the request with each value in path, query or body. The body of a DELETE goes into the query, as some
 * proxies drop it, unless a value needs JSON types.
 * @param {Line} line
 * @param {Readonly<Record<string, unknown>>} values
 * @param {{node?: string, dryRun?: boolean}} [how]
 * @returns {Request}  its path is complete: `/api/v1/processes/0.17.0`
 */
export function requestOf(line, values, { node = "", dryRun = false } = {}) {
  /** @type {Set<string>} */ const used = new Set();
  const path = line.path.replace(/\{(\w+)\}/g, (_, name) => {
    used.add(name);
    return segment(String(values[name] ?? ""));
  });
  const rest = Object.entries(values).filter(([name]) => !used.has(name));
  const simple = rest.every(([, value]) => ["string", "number", "boolean"].includes(typeof value));
  const inQuery = line.method === "GET" || (line.method === "DELETE" && simple);
  /** @type {[string, string][]} */
  const query = inQuery ? rest.flatMap(([name, value]) => pairs(name, value)) : [];
  if (node && line.on_node) query.push(["node", node]);
  if (dryRun && line.changes) query.push(["dry_run", "true"]);
  const body = inQuery || (line.method === "DELETE" && !rest.length) ? undefined : Object.fromEntries(rest);
  return { method: line.method, path, query, body };
}

/** Escape a part of a path, including slashes. @param {string} text */
export const segment = (text) => escaped(text).replaceAll("%3A", ":");

/** Escape everything but letters, digits and `-._~`. @param {string} text */
export const escaped = (text) => encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\uFFFD")).replace(/[!'()*]/g, (one) =>
  `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** @param {string} name @param {unknown} value @returns {[string, string][]} */
function pairs(name, value) {
  if (Array.isArray(value)) return value.map((one) => [name, worded(one)]);
  return [[name, worded(value)]];
}

/** @param {unknown} value */
const worded = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** Return the URL of a request. @param {Request} request */
export const addressOf = ({ path, query }) =>
  path + (query.length ? `?${query.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join("&")}` : "");

/**
 * Return a refusal's messages by field; those without a field are shown with the result.
 * @param {Iterable<string>} names  of the fields
 * @param {readonly Detail[]} details
 * @returns {Record<string, string>}
 */
export function refusals(names, details) {
  const known = new Set(names);
  /** @type {Record<string, string>} */ const found = {};
  for (const { field, problem, hint } of details) {
    const parts = (field ?? "").split(".");
    const name = parts.find((part) => known.has(part));
    if (name === undefined) continue;
    const inside = parts.slice(parts.indexOf(name) + 1).join(".");
    const text = [inside ? `${inside}: ${problem ?? ""}` : problem, hint].filter(Boolean).join("; ");
    found[name] = found[name] ? `${found[name]}. ${text}` : text;
  }
  return found;
}
