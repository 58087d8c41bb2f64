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

test("the limit of a read holds while its body is read, and beside the signal of the page", async () => {
  const own = new AbortController();
  for (const signal of [undefined, own.signal]) {
    const limit = new AbortController();
    AbortSignal.timeout = () => limit.signal;
    globalThis.fetch = async (_, options) => {
      const body = new ReadableStream({
        start: (stream) => options?.signal?.addEventListener("abort", () => stream.error(options.signal?.reason)),
      });
      return new Response(body, { status: 200, statusText: "OK" });
    };
    const failed = assert.rejects(platform("GET", "/restarts", undefined, signal), { status: 0, code: "unreachable" });
    await new Promise(setImmediate);
    limit.abort(new DOMException("60 s are over", "TimeoutError"));
    await failed;
  }
});

test("a read that its page no longer needs is aborted, and an answer that is no JSON is one of a proxy", async () => {
  const own = new AbortController();
  globalThis.fetch = (_, options) => new Promise((_resolve, reject) => {
    options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
  });
  const aborted = assert.rejects(platform("GET", "/restarts", undefined, own.signal), { name: "AbortError" });
  own.abort();
  await aborted;
  globalThis.fetch = async () => new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway" });
  await assert.rejects(platform("GET", "/restarts"), { status: 502, message: "The server answered 502 Bad Gateway." });
});
