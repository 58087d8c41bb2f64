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

/**
 * Explain a call that got no answer.
 * @param {string} message  of the platform: who did not answer, within which time, and since when it is suspended
 */
export const unansweredText = (message) =>
  `${message}. ${/: it has been suspended since /.test(message) ? "Resume it to handle this message and those that wait."
    : "Either its callback returned NoReply, which sends no answer, or a callback is still running."}`;

/** Replace each `EndlessLoop(…)` and `BlockedLoop(…)` in a text by its message. @param {string} reason */
export const crashText = (reason) => reason.replace(/\b(?:EndlessLoop|BlockedLoop)\((["'])([^]*?)\1\)/g, "$2");
