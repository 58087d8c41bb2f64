/**
 * The log lines on the page, and the filter. Pure.
 *
 * @module
 */

/**
 * @typedef {{number: number, at: number, level: string, logger: string, text: string, pid: string|null,
 *   name: string|null, supervisor: string|null, report: string|null, more: boolean, node: string|null}} Line
 */
/** @typedef {{level: string, words: string, process: string, from: number|null, to: number|null}} Wanted */

export const LEVELS = ["debug", "info", "warning", "error", "critical"];
/** The number of lines that the platform keeps. */
const KEPT = 2000;

/** @param {any[]} sent @returns {Line} */
const lineOf = ([number, at, level, logger, text, pid, name, supervisor, report, more, node]) => ({
  number, at, level, logger, text, pid, name, supervisor, report, more, node,
});

/**
 * @param {Line[]} lines
 * @param {any} frame
 * @returns {Line[]}
 */
export function take(lines, frame) {
  if (frame.k === "s") return frame.lines.map(lineOf);
  const last = lines.at(-1)?.number ?? 0;
  const fresh = frame.lines.map(lineOf).filter((/** @type {Line} */ line) => line.number > last);
  return fresh.length ? [...lines, ...fresh].slice(-KEPT) : lines;
}

/**
 * Return the matching lines, oldest first.
 * @param {Line[]} lines
 * @param {Wanted} wanted
 */
export function chosenLines(lines, { level, words, process, from, to }) {
  const least = LEVELS.indexOf(level);
  const said = words.trim().toLowerCase();
  const who = process.trim().replace(/^#PID|[<>]/g, "");
  return lines.filter((line) =>
    (least <= 0 || !LEVELS.includes(line.level) || LEVELS.indexOf(line.level) >= least)
    && (!who || line.pid === who || line.name === who || line.supervisor === who)
    && (!said || line.text.toLowerCase().includes(said) || line.logger.toLowerCase().includes(said)
      || (line.name ?? "").toLowerCase().includes(said))
    && (from === null || line.at >= from) && (to === null || line.at <= to));
}

/** Return a line as text, as in a terminal. @param {Line} line */
export const plain = (line) => `${new Date(line.at * 1000).toISOString()} ${line.level.toUpperCase()} ${line.logger}: ${line.text}`;
