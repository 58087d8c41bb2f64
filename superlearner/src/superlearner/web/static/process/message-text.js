/**
 * The text of a message as a person types it: JSON, a word, or a tuple of Python.
 *
 * @module
 */

/**
 * Return the message that a text means; undefined if it means none.
 * @param {string} text
 * @returns {unknown}
 */
export function readMessage(text) {
  const [, inner] = /^\((.*)\)$/s.exec(text.trim()) ?? [];
  try {
    return JSON.parse(inner?.includes(",") ? `[${inner.replace(/,\s*$/, "")}]` : text);
  } catch {
    return /^[A-Za-z_]\w*$/.test(text.trim()) ? text.trim() : undefined;
  }
}

/** Explain a call that got no answer. @param {string} message  of the platform: who did not answer, and within which time */
export const unansweredText = (message) =>
  `${message}. Either its callback returned NoReply, which sends no answer, or a callback is still running.`;
