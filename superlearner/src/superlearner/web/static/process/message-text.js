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
