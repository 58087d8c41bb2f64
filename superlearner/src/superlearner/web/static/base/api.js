/**
 * Access to the REST interface: the same routes and envelope as for curl.
 *
 * @module
 */

import { chosen, root } from "./dom.js";
import { sentence } from "./words.js";

/** A REST route in a hint: useful to a program, but not on a page. */
const ROUTE = /\b(?:GET|POST|PUT|PATCH|DELETE) \/api\//;
/** Milliseconds for the answer to a read. The platform answers within 30 s; a lost connection may stay open forever. */
const READ_MS = 60_000;

/** A failed request, with a message for the page. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string} hint
   * @param {number} status  0: the server did not answer
   * @param {{field: string|null, problem: string, hint?: string|null}[]} [details]
   */
  constructor(code, message, hint, status, details = []) {
    super(message);
    this.details = details;
    this.code = code;
    this.hint = ROUTE.test(hint) ? "" : hint;
    this.status = status;
  }

  /** What is wrong with a value, for the place beside its field; the message if it is about no field. */
  get problem() {
    return this.details.find(({ field }) => field !== null)?.problem ?? this.message;
  }

  /** The message with the hint. */
  get words() {
    if (!this.hint) return this.message;
    return `${this.message}${/[.!?:]$/.test(this.message) ? "" : "."} ${sentence(this.hint)}`;
  }
}

/**
 * Run an operation on the node that the page shows.
 * @param {string} method
 * @param {string} path  below /api/v1
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}  the content of `data`
 */
export const request = (method, path, body, signal) => requestOn(chosen(), method, path, body, signal);

/**
 * Run an operation on a node.
 * @param {string} node  "" for the platform's default
 * @param {string} method
 * @param {string} path  below /api/v1
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}  the content of `data`
 */
export function requestOn(node, method, path, body, signal) {
  if (!node) return platform(method, path, body, signal);
  return platform(method, `${path}${path.includes("?") ? "&" : "?"}node=${encodeURIComponent(node)}`, body, signal);
}

/**
 * Run an operation on the platform itself, whatever node is shown: settings, tokens, audit log, catalogue.
 * @param {string} method
 * @param {string} path  below /api/v1
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}  the content of `data`
 */
export async function platform(method, path, body, signal) {
  /** @type {RequestInit} */
  const options = { method, headers: { accept: "application/json", prefer: "errors=body", "x-door": "page" } };
  const limits = [signal, method === "GET" && AbortSignal.timeout(READ_MS)].filter((one) => one instanceof AbortSignal);
  if (limits.length) options.signal = AbortSignal.any(limits);
  if (body !== undefined) {
    options.headers = { ...options.headers, "content-type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response, answer;
  try {
    response = await fetch(`${root()}/api/v1${path}`, options);
    answer = await response.json().catch((error) => {
      if (error instanceof SyntaxError) return null; // a proxy has answered
      throw error;
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("unreachable", "The server does not answer.", "The page keeps trying to reach it.", 0);
  }
  if (response.ok && answer && answer.success !== false) return answer.data;
  const error = answer?.error ?? {};
  throw new ApiError(
    error.code ?? "failed",
    error.message ?? `The server answered ${response.status} ${response.statusText}`.trim() + ".",
    error.details?.[0]?.hint ?? "",
    error.status ?? response.status,
    error.details ?? [],
  );
}

/** @param {string} pid */
const process = (pid) => `/processes/${encodeURIComponent(pid)}`;

/**
 * @param {string} pid
 * @param {{reason?: string, force?: boolean, node?: string}} [how]
 * @returns {Promise<{terminated?: boolean}>}
 */
export const kill = (pid, { reason = "kill", force = false, node = chosen() } = {}) =>
  requestOn(node, "DELETE", process(pid), { reason, force });

/**
 * @param {string} pid
 * @param {"suspend"|"resume"} action
 * @param {string} [node]
 * @returns {Promise<unknown>}
 */
export const setSuspended = (pid, action, node = chosen()) => requestOn(node, "POST", `${process(pid)}/${action}`, {});

/**
 * @param {string} supervisor  its pid
 * @param {string} id  of a stopped child
 * @param {string} [node]
 * @returns {Promise<{pid?: string|null}>}
 */
export const start = (supervisor, id, node = chosen()) =>
  requestOn(node, "POST", `/supervisors/${encodeURIComponent(supervisor)}/children/${encodeURIComponent(id)}/restart`);

/**
 * @param {string} pid
 * @param {AbortSignal} [signal]
 * @param {string} [node]
 * @returns {Promise<Record<string, any>>}
 */
export const info = (pid, signal, node = chosen()) => requestOn(node, "GET", `${process(pid)}/info`, undefined, signal);

/**
 * @param {string} pid
 * @param {unknown} message
 * @param {"send"|"cast"|"call"} type
 * @param {string} [node]
 * @returns {Promise<Record<string, any>>}
 */
export const send = (pid, message, type, node = chosen()) =>
  requestOn(node, "POST", `${process(pid)}/message`, { message, message_type: type, timeout_ms: 5000 });
