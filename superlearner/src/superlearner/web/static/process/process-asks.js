/**
 * What the tabs of the detail pane ask: operations about one process, and the messages about what they answered.
 *
 * @module
 */

import { ApiError, request } from "../base/api.js";
import { make, spoken } from "../base/dom.js";
import { signInLink } from "../base/sign-in-link.js";

/** @typedef {Record<string, string|number|boolean|null|undefined>} Query */

/**
 * Asks an operation about a process.
 * @param {string} pid
 * @param {string} path  below the process: "state/tree"
 * @param {Query} [query]  what is null or undefined is left out
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export const ask = (pid, path, query = {}, signal) => request("GET", address(pid, path, query), undefined, signal);

/**
 * Lets an operation change something.
 * @param {string} method
 * @param {string} pid
 * @param {string} path
 * @param {unknown} [body]
 * @param {Query} [query]
 * @returns {Promise<any>}
 */
export const tell = (method, pid, path, body, query = {}) => request(method, address(pid, path, query), body);

/** What a change would do, in the words of its operation. @param {string} method @param {string} pid @param {string} path @param {unknown} [body] @returns {Promise<{would: string, affects: string[]}>} */
export const tryOut = (method, pid, path, body) => tell(method, pid, path, body, { dry_run: true });

/** @param {string} pid @param {string} path @param {Query} query */
function address(pid, path, query) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined && value !== "") words.set(name, String(value));
  const asked = words.toString();
  return `/processes/${encodeURIComponent(pid)}/${path}${asked ? `?${asked}` : ""}`;
}

/**
 * What was refused, beside what asked for it; another error is ours and goes on.
 * @param {unknown} error
 */
export function refusal(error) {
  if (!(error instanceof ApiError)) throw error;
  return make("p", { class: "note", "data-level": "bad", role: "alert" }, ...reasons(error));
}

/** Why it was refused and what to try, and the way to a credential where that is what is missing. @param {ApiError} error @returns {(Node|string)[]} */
export function reasons({ code, message, hint }) {
  const told = `${message.replace(/[^.!?]$/, "$&.")} ${hint && sentence(hint)}`.trim();
  return [...spoken(told), ...(code === "missing_scope" ? [" ", signInLink("Sign in with it"), "."] : [])];
}

/** A sentence begins with a capital and ends with a full stop. @param {string} words */
export const sentence = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;

/** @param {string} text @param {() => void} run @param {string} [look] */
export function button(text, run, look = "btn") {
  const made = make("button", { type: "button", class: look }, text);
  made.onclick = run;
  return made;
}
