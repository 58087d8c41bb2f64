/**
 * The last messages that were sent to each process from this page, newest first, and those that a source handles. They
 * are offered again, also to the successor of a process.
 *
 * @module
 */

/** @typedef {"cast"|"call"|"send"} Kind */
/** @typedef {{kind: Kind, text: string}} Message  `text` as it was typed */

/** Messages that are offered for one process. */
const MOST = 5;

/** Remembers the last messages to each process. */
export class SentMessages {
  /** @type {Map<string, Message[]>} */ #sent = new Map();

  /** @param {string} node @param {string} key  of the process @returns {readonly Message[]} */
  of(node, key) {
    return this.#sent.get(`${node} ${key}`) ?? [];
  }

  /** @param {string} node @param {string} key @param {Message} message */
  add(node, key, message) {
    const others = this.of(node, key).filter(({ kind, text }) => kind !== message.kind || text !== message.text);
    this.#sent.set(`${node} ${key}`, [message, ...others].slice(0, MOST));
  }
}

export const remembered = new SentMessages();

/** @type {[string, Kind][]} */
const CALLBACKS = [["handle_call", "call"], ["handle_cast", "cast"], ["handle_info", "send"]];

/**
 * Return the messages that a class handles, from the texts in its `case` lines and comparisons.
 * @param {string} source  Python
 * @param {string} name  of the class
 * @returns {Message[]}
 */
export function messagesIn(source, name) {
  const lines = source.split("\n");
  const begin = lines.findIndex((line) => new RegExp(`^class ${name}\\b`).test(line));
  /** @type {Message[]} */ const found = [];
  /** @type {Kind|null} */ let kind = null;
  for (const line of begin < 0 ? [] : lines.slice(begin + 1)) {
    if (/^\S/.test(line)) break; // the next class
    const method = /^\s+(?:async\s+)?def\s+(\w+)/.exec(line)?.[1];
    if (method) kind = CALLBACKS.find(([callback]) => callback === method)?.[1] ?? null;
    const word = /^\s+case\s+"([^"]+)"/.exec(line)?.[1] ?? /==\s*"([^"]+)"/.exec(line)?.[1];
    if (kind && word && !found.some((one) => one.kind === kind && one.text === word))
      found.push({ kind, text: /^[A-Za-z_]\w*$/.test(word) ? word : JSON.stringify(word) });
  }
  return found.slice(0, MOST);
}
