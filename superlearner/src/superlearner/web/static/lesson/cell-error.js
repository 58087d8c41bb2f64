/**
 * The error of a cell, as a sentence about the learner's code and a line of the cell.
 *
 * @module
 */

const HELD = /held the loop for ([\d.]+) s(?:: <eval>, line (\d+))?/;
const RAISED_AT = /;? *raised at <eval>(?::(\d+))?/;

/**
 * @param {string} message  of the server
 * @param {string} code  of the cell
 * @param {number} line  that ran; 0 if it is not known
 * @returns {{said: string, line: number}}
 */
export function explainError(message, code, line) {
  const held = HELD.exec(message);
  if (held)
    return {
      said: `Stopped: ${held[2] ? `line ${held[2]}` : "the code"} ran for ${held[1]} s without waiting.`,
      line: line || Number(held[2] ?? 0),
    };
  const text = message.replace(/^source: /, "").replace(/(?<![\w.'"])(?:[a-z_]\w*\.)+(?=[A-Z]\w*:)/, "");
  const raised = Number(RAISED_AT.exec(text)?.[1] ?? 0);
  // A line that is not indented is in no callback: the callback is in another cell
  const here = /^[ \t]+\S/.test(code.split("\n")[raised - 1] ?? "");
  return {
    said: text.replace(RAISED_AT, here ? `, raised at line ${raised}` : "").replace(/<eval>:(\d+)/g, "line $1"),
    line: here ? raised : line || Number(/line (\d+)/.exec(text)?.[1] ?? 0),
  };
}
