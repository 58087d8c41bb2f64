/**
 * Sandboxes in words: how one is, how old, what it may take, and where in its source an error is. Pure.
 *
 * @module
 */

import { counted, duration, number } from "./words.js";

/** @typedef {{name: string, up: boolean, required: boolean, says: string}} Wall */
/**
 * @typedef {object} Limits
 * @property {number} memory_mb
 * @property {number} processes
 * @property {number} cpu_s
 * @property {number} held_s
 * @property {number} output_kb
 * @property {number} idle_s
 * @property {number} lifetime_s
 */
/**
 * @typedef {object} Sandbox
 * @property {string} id
 * @property {string} owner
 * @property {string} node
 * @property {number|null} os_pid
 * @property {string|null} supervisor_pid
 * @property {"starting"|"running"|"stopping"|"ended"} status
 * @property {number} created_at
 * @property {number} restart_count
 * @property {{origin: string, supervisor_module: string|null, title: string|null, strategy: string|null, max_restarts: number|null, max_seconds: number|null, custom_config: unknown, limits: Limits}} configuration
 * @property {Wall[]} walls
 * @property {string} [reason]
 */

/** What the list says below the name. @param {Sandbox} one @param {number} now  seconds */
export function told(one, now) {
  const from = one.configuration.title ?? { source: "typed", file: "a file", module: one.configuration.supervisor_module ?? "a module", demo: "a demo" }[one.configuration.origin] ?? one.configuration.origin;
  return [from, one.owner, `${duration(Math.max(1, now - one.created_at))} old`, one.restart_count ? counted(one.restart_count, "restart") : ""].filter(Boolean).join(" · ");
}

/** @param {Wall[]} walls */
export const upText = (walls) => (walls.length ? `${walls.filter((one) => one.up).length} of ${walls.length} walls up` : "No walls");

/** Limits and options, as names and values. @param {Sandbox} one @returns {[string, string][]} */
export function limitsOf({ configuration: { limits, strategy, max_restarts: restarts, max_seconds: seconds, custom_config: config }, node, os_pid: pid, owner }) {
  /** @param {unknown} value */
  const given = (value) => (value === null || value === undefined ? "as the code says" : String(value));
  return [
    ["Memory", `${number(limits.memory_mb)} MB`], ["Processes and threads", number(limits.processes)], ["Processor time", duration(limits.cpu_s)],
    ["A callback may hold the loop", duration(limits.held_s)], ["Output", `${number(limits.output_kb)} kB`],
    ["Stopped when idle for", limits.idle_s ? duration(limits.idle_s) : "never"], ["Longest life", limits.lifetime_s ? duration(limits.lifetime_s) : "none"],
    ["Strategy", given(strategy)], ["Restarts allowed", given(restarts)], ["in seconds", given(seconds)], ["Custom config", JSON.stringify(config ?? null)],
    ["Node", node], ["Process of the system", pid === null ? "none now" : String(pid)], ["Owner", owner],
  ];
}

/**
 * Where in the source an error is, out of its words: "line 3, column 7: …", "main.py:3: …", "main.py, line 3".
 * @param {string} message
 * @returns {{line: number, column: number}|null}
 */
export function placeOf(message) {
  const found = /\bline (\d+), column (\d+)/.exec(message) ?? /\bmain\.py:(\d+)/.exec(message) ?? /\bline (\d+)/.exec(message);
  return found ? { line: Number(found[1]), column: Number(found[2] ?? 1) } : null;
}

/** A name that is free. @param {string} like @param {Iterable<string>} taken */
export function freeName(like, taken) {
  const known = new Set(taken);
  for (let n = 1; ; n += 1) if (!known.has(n === 1 ? like : `${like}_${n}`)) return n === 1 ? like : `${like}_${n}`;
}
