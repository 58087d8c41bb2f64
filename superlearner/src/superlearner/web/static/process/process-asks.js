/**
 * Requests of the detail pane's tabs: operations on one process, and their error messages.
 *
 * @module
 */

import { sentence } from "../base/words.js";
import { ApiError, request } from "../base/api.js";
import { make, spoken } from "../base/dom.js";
import { signInLink } from "../base/sign-in-link.js";

/** @typedef {Record<string, string|number|boolean|null|undefined>} Query */

/**
 * Requests data about a process.
 * @param {string} pid
 * @param {string} path  below the process: "state/tree"
 * @param {Query} [query]  null and undefined are left out
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export const ask = (pid, path, query = {}, signal) => request("GET", address(pid, path, query), undefined, signal);

/**
 * Runs an operation that changes something.
 * @param {string} method
 * @param {string} pid
 * @param {string} path
 * @param {unknown} [body]
 * @param {Query} [query]
 * @returns {Promise<any>}
 */
export const tell = (method, pid, path, body, query = {}) => request(method, address(pid, path, query), body);

/**
 * Return the effects of a change, from a dry run of its operation.
 * @param {string} method
 * @param {string} pid
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<{would: string, affects: string[]}>}
 */
export const tryOut = (method, pid, path, body) => tell(method, pid, path, body, { dry_run: true });

/** @param {string} pid @param {string} path @param {Query} query */
function address(pid, path, query) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && value !== "") words.set(name, String(value));
  const asked = words.toString();
  return `/processes/${encodeURIComponent(pid)}/${path}${asked ? `?${asked}` : ""}`;
}

/**
 * Return a refusal to show beside its form; rethrow other errors, which are bugs.
 * @param {unknown} error
 */
export function refusal(error) {
  if (!(error instanceof ApiError)) throw error;
  return make("p", { class: "note", "data-level": "bad", role: "alert" }, ...reasons(error));
}

/**
 * Return the reason of a refusal with a remedy, including a sign-in link if a credential is missing.
 * @param {ApiError} error
 * @returns {(Node|string)[]}
 */
export function reasons({ code, message, hint }) {
  const told = `${message.replace(/[^.!?]$/, "$&.")} ${hint && sentence(hint)}`.trim();
  const signs = code === "missing_scope" && hint?.includes("send a credential");
  return [...spoken(told), ...(signs ? [" ", signInLink("Sign in with it"), "."] : [])];
}

/** @param {string} text @param {() => void} run @param {string} [look] */
export function button(text, run, look = "btn") {
  const made = make("button", { type: "button", class: look }, text);
  made.onclick = run;
  return made;
}
