// The messages that the form offers: those that were sent, newest first, and those in the code.
import assert from "node:assert/strict";
import { test } from "node:test";

import { readMessage } from "#static/process/message-text.js";
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

/** Return a class whose callbacks have a body each. @param {Record<string, string>} bodies */
const classOf = (bodies) => `PING = "ping"

class Op(StrEnum):
    SUB = "sub"

class Colour(Enum):
    RED = "red"

class Account(GenServer[int]):
    STOP = "stop"

${Object.entries(bodies).map(([name, body]) => `    @impl
    async def ${name}(
        self, ${name === "handle_call" ? "msg: Any, caller: From" : "msg: Any"}, total: int
    ) -> Any:
        """Not case "docs" nor msg == "docs"."""
        # if msg == "comment"
        match total:
            case "a state":
                pass
${body.replace(/^/gm, "        ")}
`).join("\n")}`;

/** @param {string} body @returns {string[]} */
const offered = (body) => messagesIn(classOf({ handle_cast: body }), "Account", Infinity).map(({ text }) => text);
/** @param {string[]} patterns */
const cases = (...patterns) => `match msg:\n${patterns.map((one) => `    case ${one}:\n        pass\n`).join("")}`;

test("a pattern is offered as a message that it accepts, as it is typed in the form", () => {
  assert.deepEqual(offered(cases('("add", amount)', '("get", key, default)', '{"op": op, "n": int(n), **rest}')),
    ['["add", 1]', '["get", "key", 1]', '{"op": "op", "n": 1}']);
  assert.deepEqual(offered(cases('"add", float(price)', '["at", (x, y), *rest]', '("say", str(text)) if text', '("a" | "b") as one')),
    ['["add", 1.5]', '["at", [1, 1]]', '["say", "text"]', "a"]);
  const long = '(\n            "many",\n            item,\n        )';
  assert.deepEqual(offered(cases(long, "str()", "'one' | 'two words'", "None", "-5", '"true"', "()")),
    ['["many", "item"]', "text", "one", '"two words"', "null", "-5", '"true"', "[]"]);
  assert.deepEqual(offered(cases("Op.SUB", "self.STOP", '("op", Op.SUB)')), ["sub", "stop", '["op", "sub"]']);
});

test("a value is what the code of its case can work with", () => {
  assert.deepEqual(offered(`match msg:
    case ("put", thing):
        return NoReply(total + thing)
    case ("big", thing) if thing > 10:
        pass
    case ("all", things):
        for one in things:
            pass
    case ("shout", n):
        n.upper()`), ['["put", 1]', '["big", 11]', '["all", [1, 2]]', '["shout", "n"]']);
});

test("a message that cannot be typed as JSON is not offered, nor is a pattern that takes everything", () => {
  assert.deepEqual(offered(cases("Deposit(amount=a)", '("join", pid)', 'b"x"', "Colour.RED", "{1: x}", "list()", "other", "_")), []);
  assert.deepEqual(offered('match msg:\n    case ("join", who):\n        otp.send(who, "hi")'), []);
  for (const half of ["", " (", ' {"op"', ' ("add", ']) assert.doesNotThrow(() => offered(`match msg:\n    case${half}`));
});

test("comparisons, constants, unpacked and indexed messages are offered", () => {
  assert.deepEqual(offered('if msg == ("ping",):\n    pass\nelif msg == PING or msg in ("a", Account.STOP) or \'b c\' == msg:\n    pass'),
    ['["ping"]', "ping", "a", "stop", '"b c"']);
  assert.deepEqual(offered('op, arg = msg\nif op == "add":\n    total += arg\nelif op == "name":\n    arg.upper()'),
    ['["add", 1]', '["name", "arg"]']);
  assert.deepEqual(offered('op, arg = msg\nmatch op:\n    case "add":\n        total += arg'), ['["add", 1]']);
  assert.deepEqual(offered("op, amount = msg"), ['["op", 1]']);
  assert.deepEqual(offered('match msg[0]:\n    case "add":\n        total += msg[1]'), ['["add", 1]']);
  assert.deepEqual(offered('if msg["op"] == "add":\n    total += msg["n"]'), ['{"op": "add", "n": 1}']);
  assert.deepEqual(offered("match msg, total:\n    case (\"inc\", n), 0:\n        pass"), ['["inc", 1]']);
  assert.deepEqual(offered("if isinstance(msg, int):\n    pass"), ["1"]);
});

test("each callback has its own messages, also one of a base class, and each kind is among the five", () => {
  const many = cases('"a"', '"b"', '"c"', '"d"', '"e"', '"f"');
  const source = `${classOf({ handle_call: many, handle_cast: cases('("add", n)') })}
class Savings(Account):
    def handle_info(self, message, total):
        if message == "tick":
            pass

    def handle_cast(self, request, total):
        if request == "save":
            pass
`;
  assert.deepEqual(messagesIn(source, "Account").map(({ kind, text }) => `${kind} ${text}`),
    ["call a", "call b", "call c", "call d", "cast [\"add\", 1]"]);
  assert.deepEqual(messagesIn(source, "Savings").map(({ kind, text }) => `${kind} ${text}`),
    ["send tick", "cast save", "call a", "call b", "call c"]);
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
  assert.ok(messagesIn(SOURCE.replace(NEXT, OTHERS + NEXT), "Counter").some(({ text }) => text === "crash"));
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

test("a message is JSON, a word, or a tuple of Python", () => {
  const read = (/** @type {string} */ text) => readMessage(text);
  assert.deepEqual(read('("push", 3)'), ["push", 3]);
  assert.deepEqual(read(' ("pop",) '), ["pop"]);
  assert.deepEqual(read('["push", [1, 2]]'), ["push", [1, 2]]);
  assert.equal(read("pop"), "pop");
  assert.equal(read("(pop, 3)"), undefined);
  assert.equal(read('("pop")'), undefined);
});
