/**
 * The last messages that were sent to each process from this page, newest first. They are offered again, also to the
 * successor of a process.
 *
 * @module
 */

/** @typedef {"cast"|"call"|"send"} Kind */
/** @typedef {{kind: Kind, text: string}} Message  `text` as it was typed */

/** Messages that are offered for one process. */
export const MOST_OFFERS = 5;

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
    this.#sent.set(`${node} ${key}`, [message, ...others].slice(0, MOST_OFFERS));
  }
}

export const remembered = new SentMessages();
