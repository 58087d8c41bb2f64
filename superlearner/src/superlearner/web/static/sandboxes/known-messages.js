/**
 * The messages that a class handles, read from its source. Pure.
 *
 * @module
 */

import { MOST_OFFERS } from "../process/sent-messages.js";

/** @import { Kind, Message } from "../process/sent-messages.js" */

/** @type {ReadonlyMap<string, Kind>} */
const CALLBACKS = new Map([["handle_call", "call"], ["handle_cast", "cast"], ["handle_info", "send"]]);

/**
 * Return the messages that a class handles, from the texts in its `case` lines and comparisons.
 * @param {string} source  Python
 * @param {string} name  of the class
 * @param {number} [most]
 * @returns {Message[]}
 */
export function messagesIn(source, name, most = MOST_OFFERS) {
  const lines = source.split("\n");
  const begin = lines.findIndex((line) => new RegExp(`^class ${name}\\b`).test(line));
  /** @type {Message[]} */ const found = [];
  /** @type {Kind|null} */ let kind = null;
  for (const line of begin < 0 ? [] : lines.slice(begin + 1)) {
    if (/^\S/.test(line)) break; // the next class
    const method = /^\s+(?:async\s+)?def\s+(\w+)/.exec(line)?.[1];
    if (method) kind = CALLBACKS.get(method) ?? null;
    const word = /^\s+case\s+"([^"]+)"/.exec(line)?.[1] ?? /==\s*"([^"]+)"/.exec(line)?.[1];
    const text = word && !/^[A-Za-z_]\w*$/.test(word) ? JSON.stringify(word) : word;
    if (kind && text && !found.some((one) => one.kind === kind && one.text === text)) found.push({ kind, text });
  }
  return found.slice(0, most);
}

/** A `handle_cast` that raises for every message that it does not know. */
const RAISES = /def handle_cast\((?:(?!\n\S|\n {4}(?:@|def |async ))[^])*\n\s+case _:\s*raise\b/;

/** Return whether a cast `crash` makes a process of a source crash. @param {string} source  Python */
export const handlesCrash = (source) => RAISES.test(source) || [...source.matchAll(/^class (\w+)/gm)].some(([, name = ""]) =>
  messagesIn(source, name, Infinity).some(({ kind, text }) => kind === "cast" && text === "crash"));
