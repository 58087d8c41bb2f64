/**
 * The processes that a person pinned to the top of the list, kept for the node that is shown; and how one is shown that
 * does not run.
 *
 * @module
 */

import { chosen } from "../base/dom.js";
import { isPin, pinText } from "./process-list.js";

const KEY = `superlearner.pins.${chosen()}`;
const MOST = 20;

/** What was kept. @returns {string[]} */
export function keptPins() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isPin).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

/** Pins it, or no more. @param {readonly string[]} pins @param {string} pin */
export const toggled = (pins, pin) => (pins.includes(pin) ? pins.filter((one) => one !== pin) : [...pins, pin].slice(-MOST));

/** Keeps in this browser that it is pinned, or no more: those of an address that somebody sent are not kept. @param {string} pin @param {boolean} on */
export function keep(pin, on) {
  const others = keptPins().filter((one) => one !== pin);
  try {
    localStorage.setItem(KEY, JSON.stringify(on ? toggled(others, pin) : others));
  } catch {
    // it stands in the address all the same
  }
}

/** A pinned process that does not run. @param {string} pin @param {number} now  server time in seconds */
export const missing = (pin, now) => ({
  pid: "", name: pinText(pin), type: "worker", what: "", status: "not running", message_queue_len: 0, links: 0, monitors: 0, monitored_by: 0, trap_exit: false,
  parent: null, critical: false, supervisor: null, supervisor_name: null, child_id: null, restarts: null, started_at: now, current_function: null, messages_per_s: 0,
  callback_percent: 0, gone: true, pin,
});
