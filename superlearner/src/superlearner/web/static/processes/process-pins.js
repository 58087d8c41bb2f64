/**
 * The pinned processes at the top of the list, stored for the shown node; and the row of a pinned process that does
 * not run.
 *
 * @module
 */

import { chosen } from "../base/dom.js";
import { isPin, pinText } from "./process-list.js";

const KEY = `superlearner.pins.${chosen()}`;
const MOST = 20;

/** Return the stored pins. @returns {string[]} */
export function keptPins() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isPin).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

/** Add or remove a pin. @param {readonly string[]} pins @param {string} pin */
export const toggled = (pins, pin) => (pins.includes(pin) ? pins.filter((one) => one !== pin) : [...pins, pin].slice(-MOST));

/** Store or delete a pin in this browser; pins from a shared URL are not stored. @param {string} pin @param {boolean} on */
export function keep(pin, on) {
  const others = keptPins().filter((one) => one !== pin);
  try {
    localStorage.setItem(KEY, JSON.stringify(on ? toggled(others, pin) : others));
  } catch {
    // it is in the URL nevertheless
  }
}

/** Return the row of a pinned process that does not run. @param {string} pin @param {number} now  server time in seconds */
export const missing = (pin, now) => ({
  pid: "", name: pinText(pin), type: "worker", what: "", status: "not running", message_queue_len: 0, links: 0, monitors: 0,
  monitored_by: 0, trap_exit: false, parent: null, critical: false, supervisor: null, supervisor_name: null, child_id: null, restarts: null,
  started_at: now, current_function: null, messages_per_s: 0, callback_percent: 0, gone: true, pin,
});
