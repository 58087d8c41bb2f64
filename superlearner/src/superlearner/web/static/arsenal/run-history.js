/**
 * The runs of this tab, kept in its sessionStorage, without secrets and answers.
 *
 * @module
 */

import { isSecret } from "./form-fields.js";

/**
 * @typedef {{operation: string, summary: string, values: Record<string, unknown>, hidden: string[], node: string,
 *   dryRun: boolean, at: number, ok: boolean, status: number, code: string, took: number}} Run
 */

const KEY = "sl-arsenal-runs";
const KEPT = 50;
const LARGEST = 20_000;

/**
 * Return the values without secrets: secret names, and values of settings with secret names.
 * @param {Readonly<Record<string, unknown>>} values
 * @param {readonly string[]} secrets  of fields
 * @returns {{values: Record<string, unknown>, hidden: string[]}}
 */
export function withoutSecrets(values, secrets) {
  const named = [values.name, values.key, values.setting].some((one) => typeof one === "string" && isSecret(one));
  /** @type {string[]} */ const hidden = [];
  /** @type {Record<string, unknown>} */ const kept = {};
  for (const [name, value] of Object.entries(values)) {
    if (secrets.includes(name) || isSecret(name) || (named && name === "value") || holdsSecret(value)
      || JSON.stringify(value).length > LARGEST)
      hidden.push(name);
    else kept[name] = value;
  }
  return { values: kept, hidden };
}

/** @param {unknown} value @returns {boolean} */
function holdsSecret(value) {
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(([key, inside]) => isSecret(key) || holdsSecret(inside));
}

/** @returns {Run[]}  the newest first */
export function runs() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

/** @param {Run} run */
export function remember(run) {
  const kept = [run, ...runs()].slice(0, KEPT);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // storage is unavailable or full: the page works without history
  }
}

export function forget() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // see above
  }
}
