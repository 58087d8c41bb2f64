// The messages that the form offers: those that were sent, newest first, and those in the code.
import assert from "node:assert/strict";
import { test } from "node:test";

import { SentMessages } from "#static/process/sent-messages.js";
import { handlesCrash, messagesIn } from "#static/sandboxes/known-messages.js";

const SOURCE = `from otp import GenServer

class Other(GenServer):
    def handle_cast(self, request, n):
        if request == "elsewhere":
            pass

class Counter(GenServer[int]):
    def init(self, start):
        if start == "no message":
            pass

    async def handle_call(self, request, caller, n):
        match request:
            case "value":
                return Reply(n, n)

    def handle_cast(self, request, n):
        match request:
            case "increment":
                return NoReply(n + 1)
            case "two words" if n > 0:
                return NoReply(n - 1)
            case "two words" | "increment":
                return NoReply(n)

    def handle_info(self, message, n):
        if message == "tick":
            return NoReply(n)


class Main(Supervisor):
    def init(self, config):
        x == "later"
`;

test("the code of a class offers each text that its callbacks compare with, once", () => {
  assert.deepEqual(messagesIn(SOURCE, "Counter"), [
    { kind: "call", text: "value" }, { kind: "cast", text: "increment" }, { kind: "cast", text: '"two words"' },
    { kind: "send", text: "tick" },
  ]);
  assert.deepEqual(messagesIn(SOURCE, "Missing"), []);
});

const OTHERS = `            case _:
                raise RuntimeError("what is that?")
`;
const NEXT = '            case "two words" | "increment"', REPLY = "                return Reply(n, n)\n";

test("only a program that handles the cast crash is told to be sent one", () => {
  assert.equal(handlesCrash(SOURCE), false);
  assert.equal(handlesCrash(SOURCE.replace('"no message"', '"crash"')), false);
  assert.equal(handlesCrash(SOURCE.replace('"value"', '"crash"')), false);
  assert.equal(handlesCrash(SOURCE.replace('case "increment"', 'case "crash"')), true);
  assert.equal(handlesCrash(SOURCE.replace(NEXT, OTHERS + NEXT)), true);
  assert.equal(handlesCrash(SOURCE.replace(REPLY, REPLY + OTHERS)), false);
});

test("the last five messages to a process are offered once each, newest first", () => {
  const sent = new SentMessages();
  for (const text of ["1", "2", "3", "4", "5", "6", "3"]) sent.add("node", "Main/a", { kind: "cast", text });
  sent.add("node", "Main/a", { kind: "call", text: "3" });
  const offered = sent.of("node", "Main/a").map(({ kind, text }) => `${kind} ${text}`);
  assert.deepEqual(offered, ["call 3", "cast 3", "cast 6", "cast 5", "cast 4"]);
  assert.deepEqual(sent.of("node", "Main/b"), []);
  assert.deepEqual(sent.of("other", "Main/a"), []);
});
