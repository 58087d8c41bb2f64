/**
 * The state of the process list, folded from frames of the live feed. Pure.
 *
 * @module
 */

/**
 * @typedef {object} Line
 * @property {string} pid
 * @property {string|null} name
 * @property {"supervisor"|"genserver"|"worker"} type
 * @property {string} what
 * @property {string} status
 * @property {number} message_queue_len
 * @property {number} links
 * @property {number} monitors
 * @property {number} monitored_by
 * @property {boolean} trap_exit
 * @property {string|null} parent
 * @property {boolean} critical
 * @property {string|null} supervisor
 * @property {string|null} supervisor_name
 * @property {string|null} child_id
 * @property {number|null} restarts
 * @property {number|null} started_at
 * @property {string|null} current_function
 * @property {number} messages_per_s
 * @property {number} callback_percent
 */
/** @typedef {{pin: string, row: Line|null}} Pin */
/**
 * @typedef {object} List
 * @property {string} epoch
 * @property {number} seq
 * @property {boolean} gap  frames are missing: a snapshot is needed
 * @property {number} now  server time
 * @property {number} total  number of matches
 * @property {number} all  without the filters
 * @property {number} platform  number of the platform's own processes
 * @property {number} offset  index of the first of `order`
 * @property {string[]} order
 * @property {Map<string, Line>} lines
 * @property {Pin[]} pins
 * @property {number|null} measured_s  duration of the message measurement
 * @property {boolean} missing  the process in the filter `below` does not exist
 */

/** @type {List} */
export const NOTHING = {
  epoch: "", seq: 0, gap: false, now: 0, total: 0, all: 0, platform: 0, offset: 0, order: [], lines: new Map(), pins: [], measured_s: null,
  missing: false,
};

/**
 * @param {List} list
 * @param {any} frame
 * @returns {List}
 */
export function take(list, frame) {
  if (frame.k === "s") {
    const { k, rows, ...told } = frame;
    return { ...NOTHING, ...told, gap: false, lines: byPid(rows) };
  }
  if (list.gap || frame.k !== "d") return list;
  if (frame.seq !== list.seq + 1) return { ...list, gap: true };
  const { k, rows = [], ...told } = frame;
  const order = frame.order ?? list.order;
  if (!rows.length && !frame.order) return { ...list, ...told };
  const lines = new Map();
  const fresh = byPid(rows);
  for (const pid of order) {
    const line = fresh.get(pid) ?? list.lines.get(pid);
    if (line) lines.set(pid, line);
  }
  return { ...list, ...told, lines };
}

/** @param {Line[]} rows */
const byPid = (rows) => new Map(rows.map((row) => [row.pid, row]));

/**
 * Return the row at an index of the whole list; undefined while it is unknown.
 * @param {List} list
 * @param {number} index
 */
export const lineAt = (list, index) => list.lines.get(list.order[index - list.offset] ?? "");

/**
 * Return the pin that identifies a process across restarts: its name, or its place in its supervisor. Only a process
 * with neither is pinned by pid.
 * @param {Line} line
 */
export function pinOf(line) {
  if (line.name !== null) return JSON.stringify(["name", line.name]);
  const above = line.supervisor_name ?? line.supervisor;
  if (above !== null && line.child_id !== null) return JSON.stringify(["child", above, line.child_id]);
  return JSON.stringify(["pid", line.pid]);
}

/** Return whether a text is a valid pin: URLs may contain anything. @param {unknown} text */
export function isPin(text) {
  try {
    const parts = JSON.parse(String(text));
    return Array.isArray(parts) && parts.length > 1 && parts.every((part) => typeof part === "string");
  } catch {
    return false;
  }
}

/** Return a pin in words. @param {string} pin */
export function pinText(pin) {
  const parts = JSON.parse(pin);
  return parts[0] === "child" ? `${parts[2]} of ${parts[1]}` : String(parts[1]);
}
