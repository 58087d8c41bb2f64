/**
 * The error of a cell, as a sentence about the learner's code and a line of the cell.
 *
 * @module
 */

const HELD = /held the loop for ([\d.]+) s(?:: <eval>, line (\d+))?/;

/**
 * @param {string} message  of the server
 * @param {number} line  that ran; 0 if it is not known
 * @returns {{said: string, line: number}}
 */
export function explainError(message, line) {
  const held = HELD.exec(message);
  if (held)
    return {
      said: `Stopped: ${held[2] ? `line ${held[2]}` : "the code"} ran for ${held[1]} s without waiting.`,
      line: line || Number(held[2] ?? 0),
    };
  const text = message.replace(/^source: /, "").replace(/(?<![\w.'"])(?:[a-z_]\w*\.)+(?=[A-Z]\w*:)/, "");
  return { said: text.replace(/<eval>:(\d+)/g, "line $1"), line: line || Number(/line (\d+)/.exec(text)?.[1] ?? 0) };
}
