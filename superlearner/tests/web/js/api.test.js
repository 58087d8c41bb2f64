// Requests to the REST interface.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { ApiError, platform } from "#static/base/api.js";
import { oneByOne } from "#static/live/one-by-one.js";

Object.assign(globalThis, { document: { documentElement: { dataset: {} } } });
const { fetch: original } = globalThis, timeoutOf = AbortSignal.timeout;
afterEach(() => {
  globalThis.fetch = original;
  AbortSignal.timeout = timeoutOf;
});

test("a read without an answer times out, and the next one starts", async () => {
  const limit = new AbortController();
  AbortSignal.timeout = () => limit.signal;
  globalThis.fetch = (_, options) => new Promise((_resolve, reject) => {
    options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
  });
  const reads = oneByOne(), seen = /** @type {string[]} */ ([]);
  const first = reads(async () => assert.rejects(platform("GET", "/restarts"), (error) => error instanceof ApiError && error.status === 0));
  const next = reads(async () => void seen.push("next"));
  await new Promise(setImmediate);
  assert.deepEqual(seen, []);
  limit.abort(new DOMException("60 s are over", "TimeoutError"));
  await Promise.all([first, next]);
  assert.deepEqual(seen, ["next"]);
});
