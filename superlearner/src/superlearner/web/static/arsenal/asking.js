/**
 * Running an operation from a form: whole answers with status and duration, files, and streams.
 *
 * `api.js` is for pages that need only the data.
 *
 * @module
 */

import { chosen, root } from "../base/dom.js";
import { addressOf, requestOf } from "./form-request.js";
import { sentEvents } from "../base/sent-events.js";

/** @import { Line } from "./form-fields.js" */
/** @import { Detail } from "./form-request.js" */
/**
 * `status` 0: there was no answer.
 * @typedef {{ok: boolean, status: number, took: number, data?: unknown, meta?: Record<string, number>,
 *   error?: {code: string, message: string, details: Detail[]},
 *   file?: {name: string, content: Blob}, size: number}} Outcome
 */
/** @typedef {{node?: string, dryRun?: boolean, signal?: AbortSignal|null}} How */

/**
 * @param {Line} line
 * @param {Readonly<Record<string, unknown>>} values
 * @param {string} accept
 * @param {How} how
 */
function fetchOf(line, values, accept, { node = chosen(), dryRun = false, signal = null }) {
  const request = requestOf(line, values, { node, dryRun });
  /** @type {Record<string, string>} */
  const headers = { accept, prefer: "errors=body", "x-door": "page" };
  /** @type {RequestInit} */
  const options = { method: request.method, headers, signal };
  if (request.body !== undefined) {
    headers["content-type"] = "application/json";
    options.body = JSON.stringify(request.body);
  }
  return fetch(root() + addressOf(request), options);
}

/** @param {unknown} error @param {number} took @returns {Outcome} */
function unreachable(error, took) {
  const aborted = error instanceof DOMException && error.name === "AbortError";
  const refusal = aborted
    ? { code: "stopped", message: "You stopped waiting. The request may still complete.", details: [] }
    : { code: "unreachable", message: "The server does not answer.", details: [{ hint: "Is it still running? Try again when it is." }] };
  return { ok: false, status: 0, took, error: refusal, size: 0 };
}

/**
 * @param {Line} line
 * @param {Readonly<Record<string, unknown>>} values
 * @param {How} [how]
 * @returns {Promise<Outcome>}
 */
export async function ask(line, values, how = {}) {
  const begun = performance.now();
  try {
    const response = await fetchOf(line, values, "application/json, */*;q=0.5", how);
    const file = /filename="([^"]*)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
    if (response.ok && file !== undefined) {
      const content = await response.blob();
      const data = content.type.includes("json") && content.size < 2_000_000 ? parsed(await content.text()) : undefined;
      return {
        ok: true, status: response.status, took: performance.now() - begun, data, file: { name: file, content }, size: content.size,
      };
    }
    return outcomeOf(response, await response.text(), performance.now() - begun, line.bare);
  } catch (error) {
    return unreachable(error, performance.now() - begun);
  }
}

/**
 * @param {Response} response
 * @param {string} text
 * @param {number} took
 * @param {boolean} bare
 * @returns {Outcome}
 */
function outcomeOf(response, text, took, bare) {
  const answer = parsed(text);
  const told = { took, size: text.length };
  const inside = answer !== null && typeof answer === "object" ? /** @type {Record<string, any>} */ (answer) : null;
  if (response.ok && bare && inside?.success !== false) return { ok: true, status: response.status, data: answer, ...told };
  if (response.ok && inside?.success === true)
    return { ok: true, status: response.status, data: inside.data, ...(inside.meta ? { meta: inside.meta } : {}), ...told };
  const error = inside?.error ?? {};
  const refusal = {
    code: error.code ?? "failed",
    message: error.message ?? `The server answered ${response.status} ${response.statusText}`.trim() + ".",
    details: error.details ?? [],
  };
  return { ok: false, status: error.status ?? response.status, error: refusal, ...told };
}

/** @param {string} text @returns {unknown} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Read a stream until it ends or is stopped.
 * @param {Line} line
 * @param {Readonly<Record<string, unknown>>} values
 * @param {(items: import("../base/sent-events.js").Sent[]) => void} onItems
 * @param {How & {onOpen?: () => void}} how
 * @returns {Promise<Outcome>}  the reason of the end; `data` is undefined
 */
export async function follow(line, values, onItems, how) {
  const begun = performance.now();
  try {
    const response = await fetchOf(line, values, "text/event-stream", how);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body)
      return outcomeOf(response, await response.text(), performance.now() - begun, line.bare);
    how.onOpen?.();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const read = sentEvents();
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { ok: true, status: response.status, took: performance.now() - begun, size };
      size += value.length;
      const items = read(value);
      if (items.length) onItems(items);
    }
  } catch (error) {
    return unreachable(error, performance.now() - begun);
  }
}
