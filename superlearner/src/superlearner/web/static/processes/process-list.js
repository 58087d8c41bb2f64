/**
 * What is known of the list of processes: frames of the live feed folded into one value. Pure.
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
 * @property {boolean} gap  frames are missing: a whole one has to be asked for
 * @property {number} now  server time
 * @property {number} total  that fit
 * @property {number} all
 * @property {number} offset  of the first of `order`
 * @property {string[]} order
 * @property {Map<string, Line>} lines
 * @property {Pin[]} pins
 * @property {number|null} measured_s  how long messages were looked at
 * @property {boolean} missing  nobody is called as the filter `below` says
 */

/** @type {List} */
export const NOTHING = {
  epoch: "", seq: 0, gap: false, now: 0, total: 0, all: 0, offset: 0, order: [], lines: new Map(), pins: [], measured_s: null, missing: false,
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
 * The row at a place of the whole list; undefined while it is not known.
 * @param {List} list
 * @param {number} index
 */
export const lineAt = (list, index) => list.lines.get(list.order[index - list.offset] ?? "");

/**
 * By what a process is found again when it was started anew: its name, or its place in its supervisor. Only a process
 * that has neither is pinned by its pid.
 * @param {Line} line
 */
export function pinOf(line) {
  if (line.name !== null) return JSON.stringify(["name", line.name]);
  const above = line.supervisor_name ?? line.supervisor;
  if (above !== null && line.child_id !== null) return JSON.stringify(["child", above, line.child_id]);
  return JSON.stringify(["pid", line.pid]);
}

/** Whether it is a pin: anybody may write an address. @param {unknown} text */
export function isPin(text) {
  try {
    const parts = JSON.parse(String(text));
    return Array.isArray(parts) && parts.length > 1 && parts.every((part) => typeof part === "string");
  } catch {
    return false;
  }
}

/** A pin in words. @param {string} pin */
export function pinText(pin) {
  const parts = JSON.parse(pin);
  return parts[0] === "child" ? `${parts[2]} of ${parts[1]}` : String(parts[1]);
}
