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

/** Return a reason with errors as Python prints them, `ValueError: no`; of a held loop, the message alone. @param {string} reason */
export const crashText = (reason) =>
  reason.replace(/\b(\w*(?:Error|Exception|Loop))\((["'])((?:\\.|(?!\2)[^\\])*)\2\)/g, (_, kind, quote, said) =>
    `${kind.endsWith("Loop") ? "" : `${kind}: `}${kind === "KeyError" ? quote + said + quote : said.replace(/\\(['"\\])/g, "$1")}`);

/** A place in the code of a sandbox, in texts of the platform: "main.py:8", "main.py, line 8". */
export const PLACE = /\bmain\.py(?::|, line )(\d+)/;

/** Return the same with the lines of a sandbox's code as its pages name them, `line 8`. @param {string} text */
export const linedText = (text) => crashText(text).replace(new RegExp(PLACE, "g"), "line $1");
