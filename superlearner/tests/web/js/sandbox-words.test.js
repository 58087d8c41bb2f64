// Messages about code that raised, and what a source says about itself.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  afterInput, at, blame, busyIn, covers, crashOfEnd, crashOfRun, firstToOpen, hasError, initsOf, isBare, keepsNone, lastEnd, leftOf,
  growthIn, limitIn, lineInSource, lineOfExit, linesIn, memberChoices, nextOf, noticesOfRun, noticeText,
  optionsOf, placed, raisedIn, raisedInOutput, raisesItself, remedyOf, restartsOfRuns, spentIn, told, upText,
  withCause,
} from "#static/sandboxes/sandbox-words.js";

test("a failed start has what did not happen, the error and the line", () => {
  assert.deepEqual(
    raisedIn(
      "Main failed to start: its child left does not start: AttributeError: 'int' object has no attribute 'nothing' (main.py, line 5, in "
        + "Counter.init: return Ok(start.nothing))"),
    {
      says: "Main failed to start: its child left does not start", error: "AttributeError: 'int' object has no attribute 'nothing'",
      line: 5, place: "Counter.init",
    });
});

test("an error of the library is the sentence alone, without what did not happen", () => {
  const unknown = 'strategy "one_for_two" is unknown: use one_for_one, one_for_all or rest_for_one';
  assert.deepEqual(
    raisedIn(`nothing has changed: Main cannot run the new source: ${unknown}\n  /peer/main.py, line 17, in Main.init\n`
      + "      return Children([])"),
    { says: "nothing has changed: Main cannot run the new source", error: unknown, line: 17, place: "Main.init" });
  assert.deepEqual(
    raisedIn(`Main failed to start: ${unknown} (main.py, line 17, in Main.init: return Children([], strategy="one_for_two"))`),
    { says: "Main failed to start", error: unknown, line: 17, place: "Main.init" });
});

test("a source that cannot be loaded has a line, and no function", () => {
  assert.deepEqual(
    raisedIn("main.py:11: TypeError: 'handel_cast' is not a callback of Counter; did you mean 'handle_cast'?"),
    { says: "", error: "TypeError: 'handel_cast' is not a callback of Counter; did you mean 'handle_cast'?", line: 11, place: "" });
  assert.deepEqual(
    raisedIn("nothing has changed: the new source cannot be used: NameError: name 'x'\n  /peer/main.py, line 15, in <module>\n      x"),
    { says: "nothing has changed: the new source cannot be used", error: "NameError: name 'x'", line: 15, place: "" });
  assert.deepEqual(raisedIn("source: line 11, column 22: invalid syntax"), { says: "", error: "invalid syntax", line: 11, place: "" });
});

test("an exception of user code, and a reason that is no exception", () => {
  assert.deepEqual(
    raisedIn(
      "nothing has changed: a cannot run the new source: shop.NoMoneyError: none\n  /peer/main.py, line 12, in A.code_change\n   "
        + "   raise NoMoneyError('none')"),
    { says: "nothing has changed: a cannot run the new source", error: "shop.NoMoneyError: none", line: 12, place: "A.code_change" });
  assert.deepEqual(raisedIn("its child a does not start: no_money (main.py, line 3, in A.init)"),
    { says: "its child a does not start", error: "no_money", line: 3, place: "A.init" });
});

test("a message about no line is left as it is", () => {
  for (const message of [
    "it was stopped", "a held the loop for 2 s: main.py, line 8; it was ended there", "",
  ])
    assert.equal(raisedIn(message), null);
});

test("callbacks in a message are written as in Python", () => {
  assert.equal(raisedIn("main.py:5: got none for init/1, 3/4 of handle_call/3")?.error, "got none for init(), 3/4 of handle_call()");
});

test("the places in a text are lines, in both forms", () => {
  assert.deepEqual(linesIn("a held the loop: main.py, line 8; see main.py:9"), ["a held the loop: ", 8, "; see ", 9, ""]);
  assert.deepEqual(linesIn("it was stopped"), ["it was stopped"]);
});

test("an end by sys.exit or os._exit is at its line", () => {
  const told = "SystemExit(3) was raised in one of its processes, which ends the whole program";
  assert.deepEqual([lineOfExit(`${told}: main.py:21`, ""), lineOfExit(told, "os._exit(3)")], [21, 0]);
  const reason = "ended the interpreter with os._exit(3)";
  assert.equal(lineOfExit(reason, "import os\n# os._exit(1)\nos._exit(3)"), 3);
  assert.equal(lineOfExit(reason, "os._exit(1)\nos._exit(3)"), 0);
  assert.equal(lineOfExit("it was stopped", "os._exit(3)"), 0);
});

test("a supervisor without restarts left is named until it gets one back", () => {
  const row = { key: "Main", parent: null, id: "Main", name: "Main", pid: "0.1.0", kind: "supervisor" };
  const rows = (/** @type {object|null} */ budget) => new Map([["Main", { ...row, budget }]]);
  const used = { used: 3, max: 3, window_s: 5, resets_at: 12, expires: [10, 11, 12] };
  assert.deepEqual(spentIn(rows(used), 9), { who: "Main", until: 10 });
  assert.equal(spentIn(rows(used), 10.5), null);
  assert.deepEqual(spentIn(rows({ used: 0, max: 0, window_s: 5, resets_at: null }), 9), { who: "Main", until: null });
  assert.equal(spentIn(rows(null), 9), null);
});

test("an end at a limit says what to do", () => {
  assert.match(remedyOf("wrote more than 1 MiB of output"), /^Print less/);
  assert.match(remedyOf("wrote more than 1 MiB of output, most of it at main.py:9"), /^Print less/);
  assert.equal(remedyOf("it was stopped"), "");
});

test("a failed start has one message beside the code, and one in the list without the source line", () => {
  const reason = "Main failed to start: its child left does not start: expected Children(…), got None (main.py, line 24, in Workers.init: "
    + 'return Children([Store.child_spec(None, id="left"),)';
  assert.equal(noticeText(`sandbox my_tree does not start: ${reason}`), "The start failed at main.py:24: expected Children(…), got None");
  assert.equal(noticeText("sandbox shop ended: Shop gave up: it allows no restarts (last: till crashed: ValueError('(x)'))"),
    "sandbox shop ended: Shop gave up: it allows no restarts", "the entry of the crash is below it");
  const killed = "sandbox shop ended: Shop gave up: it allows no restarts (last: till was killed)";
  assert.equal(noticeText(killed), killed);
  assert.equal(noticeText("sandbox my_tree does not start: it took too long"), "sandbox my_tree does not start: it took too long");
  assert.equal(hasError(reason, "Expected Children(…), got None.main.py:24 in Workers.init"), true);
  assert.deepEqual([hasError(reason, ""), hasError("it was stopped", "It was stopped.")], [false, false]);
});

test("the place of a line has one form", () => assert.deepEqual([at(8), placed(8)], ["line 8", "main.py:8"]));

test("isolation layers are counted under that name", () => {
  const layer = (up) => ({ name: "files", up, required: true, means: "", says: "" });
  assert.deepEqual([upText([]), upText([layer(true), layer(false)])], ["No isolation layers", "1 of 2 isolation layers active"]);
});

test("the options of a request are those of the configuration, without its origin", () => {
  const options = { strategy: null, max_restarts: 7, max_seconds: 5, custom_config: [1], limits: { memory_mb: 300 } };
  assert.deepEqual(optionsOf({ configuration: { origin: "source", title: null, supervisor_module: null, ...options } }), options);
});

test("the Playground opens the newest sandbox of the user, and never the platform's demo or the workbench of a lesson", () => {
  const home = { id: "home-ada-2", status: "running" }, mine = { id: "my_tree", status: "running" };
  assert.equal(firstToOpen([home]), undefined);
  assert.equal(firstToOpen([home, mine]), mine);
  assert.equal(firstToOpen([mine, home]), mine);
  const bench = { ...mine, id: "workbench-12-Ada" };
  assert.equal(firstToOpen([bench]), undefined);
  assert.equal(firstToOpen([bench, mine]), mine);
  assert.equal(firstToOpen([{ ...mine, status: "ended" }, { ...mine, id: "older" }]), undefined);
});

test("a notice of a refused source says where, and not again what", () => {
  const what = "nothing has changed: the new source cannot be used: TypeError: 'handle_casts' is not a callback; callbacks: init/1";
  assert.equal(noticeText(`sandbox bank keeps version 1: ${what}\n  /peer/main.py, line 14, in <module>\n      def handle_casts(self):`),
    "The new source was refused at main.py:14. Version 1 goes on.");
  const other = "sandbox bank keeps version 1: it did not answer in time";
  assert.equal(noticeText(other), other);
});

test("the next step follows what happened last, not the crash before it", () => {
  const after = (last, { status = "running", typed = false, other = false } = {}) => nextOf({ status, last, typed, other });
  assert.deepEqual(["start", "end", "crash", "run", "refusal"].map((last) => after(last)), ["kill", "read", "fix", "try", "correct"]);
  assert.deepEqual(
    ["start", "crash", "run", "refusal"].map((last) => after(last, { status: "ended" })), ["again", "fix", "again", "mend"]);
  const stopped = nextOf({ status: "ended", last: "crash", typed: false, other: false, stopped: true });
  assert.equal(stopped, "again", "it was stopped after the crash");
  assert.equal(after("starting"), "", "what is running now says nothing");
  assert.equal(after("crash", { status: "starting" }), "");
  assert.equal(after("crash", { other: true }), "compare", "a line of another version is not marked");
  const wrong = (last, status, typed) => nextOf({ status, last, typed, other: false, wrong: 6 });
  for (const status of ["running", "ended"]) {
    for (const last of ["start", "end", "run", "refusal"]) assert.equal(wrong(last, status, true), "line", "not: press Run");
    assert.equal(wrong("end", status, false), "line");
  }
  assert.equal(wrong("refusal", "running", false), "correct", "it names the message below");
  assert.equal(wrong("starting", "running", true), "");
  for (const last of ["crash", "refusal", "run"]) {
    assert.equal(after(last, { typed: true }), "change");
    assert.equal(after(last, { typed: true, status: "ended" }), "start");
  }
});

test("the notices of a run begin with its start", () => {
  const all = [
    { at: 9, text: "a held the loop" }, { at: 8, text: "sandbox one runs as node" }, { at: 7, text: "sandbox one ended: no" },
    { at: 1, text: "sandbox one runs as node" },
  ];
  assert.deepEqual(noticesOfRun(all, "one", "node").notices, all.slice(0, 2));
  assert.deepEqual(noticesOfRun(all, "one", "node").earlier, all.slice(2));
  assert.deepEqual(noticesOfRun(all, "other", "node"), { begun: 0, since: 0, notices: all, earlier: [] });
  for (const more of [", by tina", " on m2", " on m2, by tina"])
    assert.equal(noticesOfRun([{ at: 8, text: `sandbox one runs as node${more}` }], "one", "node").begun, 8);
});

test("crashes just before the notice that a program runs belong to its run", () => {
  const runs = (/** @type {number} */ at) => ({ at, text: "sandbox one runs as node" });
  const since = (/** @type {{at: number, text: string}[]} */ ...all) => noticesOfRun(all, "one", "node").since;
  assert.ok(since(runs(8.04)) <= 8);
  assert.equal(since({ at: 9, text: "sandbox one ended: no" }, runs(8.04), { at: 7.9, text: "sandbox one ended: no" }, runs(7)), 7.9);
  assert.ok(since(runs(8.04), runs(5)) > 5);
});

test("a stored restart covers each event from its first to its last one, in the same run", () => {
  const restart = { ref: "0123456789ab.8", event: 8, last: 15, at: 1, kept: true };
  const covered = [8, 10, 15].map((event) => covers(restart, { ref: `0123456789ab.${event}`, event }));
  assert.deepEqual(covered, [true, true, true]);
  for (const event of [{ ref: "0123456789ab.16", event: 16 }, { ref: "ba9876543210.10", event: 10 }, { event: 10 }, {}])
    assert.equal(covers(restart, event), false);
});

test("a give-up does not count as an end: the last process that ended before it is named", () => {
  const crash = { kind: "restarted", level: "bad", pid: "0.5.0", parts: { reason: "ValueError" } };
  const kill = { kind: "killed", level: "warn", pid: "0.8.0", parts: { reason: "killed" } };
  const fall = { kind: "gave_up", level: "bad", pid: "0.2.0", parts: { reason: "killed" } };
  const note = { kind: "note", level: "bad", pid: "0.1.0" };
  assert.deepEqual(lastEnd([crash, kill, fall, note]), { pid: "0.8.0", crashed: false });
  assert.deepEqual(lastEnd([kill, crash, fall]), { pid: "0.5.0", crashed: true });
  assert.equal(lastEnd([]), null);
});

test("restarts of earlier runs are separate, and those of an earlier sandbox with the same name are left out", () => {
  const restarts = [30, 20, 12, 5].map((when) => ({ at: when }));
  assert.deepEqual(restartsOfRuns(restarts, 10, 25), { run: [{ at: 30 }], earlier: [{ at: 20 }, { at: 12 }] });
  assert.deepEqual(restartsOfRuns(restarts, 10, 0).earlier, []);
});

test("the age of a sandbox counts from its creation, and its restarts are not those of its processes", () => {
  const one = /** @type {any} */ ({ owner: "Ada", created_at: 100, ended_at: null, restart_count: 1, walls: [], memory_bytes: 0 });
  assert.equal(told(one, 168).replaceAll("\u00a0", " "), "Ada · created 68 s ago · sandbox restarted once");
  assert.match(told({ ...one, ended_at: 130, restart_count: 3 }, 168), /30\u00a0s after its creation · sandbox restarted 3 times/);
});

test("the crash that ended a run is that of its newest stored restart", () => {
  const crash = { at: 30, name: "till", reason: "ValueError('no')", where: "main.py:9 in handle_info" };
  assert.deepEqual(crashOfRun([crash, { ...crash, at: 20 }], 25), { name: "till", line: 9, reason: "ValueError('no')", hint: null });
  const wrong = { ...crash, where: null, reason: "init (main.py:5) returned 0" };
  assert.equal(crashOfRun([wrong], 25)?.line, 5, "a result that is refused is raised by no line");
  for (const [rows, since] of [[[], 0], [[crash], 31], [[{ ...crash, where: null, reason: "killed" }, crash], 0]])
    assert.equal(crashOfRun(rows, since), null);
});

test("a crash is that of the server if a call failed because it crashed", () => {
  const till = { name: "asker", line: 0, reason: "its call to till failed: till crashed at main.py:9: ValueError('no')", hint: null };
  assert.deepEqual(blame(till), { name: "till", line: 9, reason: "ValueError('no')", hint: null });
  const far = blame({ ...till, reason: `its call to desk failed: ${till.reason}` });
  assert.deepEqual([far.name, far.line], ["till", 9]);
  const linked = blame({ ...till, reason: "its call to till failed: till ended with price, which crashed at main.py:9: ValueError('no')" });
  assert.deepEqual(linked, { name: "price", line: 9, reason: "ValueError('no')", hint: null });
  const result = blame({ ...till, reason: "its call to till failed: handle_cast (main.py:7) returned 0" });
  assert.deepEqual([result.name, result.line, result.reason], ["till", 7, "handle_cast (main.py:7) returned 0"]);
  const start = blame({ ...till, reason: "a start failed at main.py:7: ValueError('no')" });
  assert.deepEqual([start.name, start.line, start.reason], ["asker", 7, "a start failed: ValueError('no')"]);
  const own = { ...till, line: 5, reason: "its call to till failed: killed" };
  assert.equal(blame(own), own);
});

test("the reason of the end of a tree names its last crash with the line", () => {
  const over = "Main gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed";
  assert.deepEqual(crashOfEnd(`${over} (last: Till crashed at main.py:9: ValueError('(no)'))`),
    { name: "Till", line: 9, reason: "ValueError('(no)')", hint: null });
  assert.deepEqual(crashOfEnd(`${over} (last: Till crashed at main.py:9: KeyError("it's (a); b"); n has no key: write n.get("a"))`),
    { name: "Till", line: 9, reason: 'KeyError("it\'s (a); b")', hint: 'n has no key: write n.get("a")' });
  const before = "KeyError('tax') (after: KeyError('vat') at main.py:7)";
  assert.deepEqual(crashOfEnd(`${over} (last: Till crashed at main.py:9: ${before}; rates has no key 'tax')`),
    { name: "Till", line: 9, reason: before, hint: "rates has no key 'tax'" });
  assert.equal(crashOfEnd(`${over} (last: Till crashed: handle_cast (main.py:7) returned 0)`)?.line, 7);
  assert.equal(crashOfEnd(`${over} (last: Asker crashed: its call to till failed: till crashed at main.py:9: ValueError('no'))`)?.name,
    "till");
  for (const none of [`${over} (last: Till crashed: killed)`, `${over} (last: Till was killed)`, "it was stopped", ""])
    assert.equal(crashOfEnd(none), null);
});

test("a traceback of a failed call is not the mistake of its server", () => {
  const own = 'Traceback:\n  File "/x/main.py", line 9, in handle_call\n    n.x\nAttributeError: no x\n';
  const call = '  File "/x/main.py", line 32, in handle_info\n    await it\notp.kernel.values.errors.ServerDown: '
    + "call to 'till' failed: Crash(AttributeError('no x')) (request 1)\n";
  assert.deepEqual(raisedInOutput(own + call), { line: 9, reason: "AttributeError: no x" });
  assert.equal(raisedInOutput(call), null);
});

test("a coroutine in place of an answer is a missing await, at the line of the call", () => {
  const crash = { name: "asker", line: 34, reason: "TypeError(\"unsupported operand type(s) for +: 'coroutine' and 'int'\")", hint: "h" };
  const text = "`await` is missing before the call of GenServer.call, which does nothing without it";
  const mistakes = [{ line: 9, text }, { line: 32, text }, { line: 33, text: "a `return` is missing" }, { line: 40, text }];
  assert.deepEqual(withCause(crash, mistakes), { name: "asker", line: 32, reason: text, hint: null, because: true });
  const late = { ...crash, reason: "till did not answer a call in time (timeout)" };
  const silent = { line: 41, text: "handle_call returns NoReply(…) and does not keep caller, so the caller waits until its time-out" };
  assert.equal(withCause(late, [...mistakes, silent]).line, 41);
  assert.deepEqual(withCause({ ...late, reason: `${late.reason} because till was still in handle_call at main.py:13` }, mistakes),
    { ...late, line: 13, reason: "till was still in handle_call there", hint: null, because: true });
  const absent = { ...crash, reason: "there is no process till to call (noproc)" };
  const nameless = { line: 45, text: 'no child has name="till", which line 35 needs: write Till.child_spec(…, name="till")' };
  assert.equal(withCause(absent, [...mistakes, nameless]).line, 45);
  assert.equal(withCause({ ...absent, reason: "there is no process shop to call (noproc)" }, [...mistakes, nameless]).line, 34);
  const none = { ...crash, reason: "TypeError(\"unsupported operand type(s) for +: 'NoneType' and 'int'\")" };
  const argument = { line: 46, text: "Till gets no start argument, so start is None in its init: …" };
  assert.deepEqual([withCause(none, [argument]).line, withCause(none, [argument]).hint], [46, null]);
  assert.equal(withCause(crash, []), crash);
  const other = { ...crash, reason: "KeyError('a')" };
  assert.equal(withCause(other, mistakes), other);
});

test("a place in a library is no line of the source", () => {
  assert.deepEqual(["main.py:5 in init", "gen_server.py:122 in handle_cast", null].map((one) => lineInSource(one, null)), [5, 0, 0]);
  assert.deepEqual(["shop.py:5 in init", "main.py:5 in init"].map((one) => lineInSource(one, "my.shop:Shop")), [5, 0]);
});

test("a refusal is over once the text is that of the code that runs", () => {
  const refused = { status: "running", last: "refusal", typed: false, other: false };
  assert.equal(nextOf(afterInput(refused, true)), "change");
  assert.equal(nextOf(afterInput(refused, false)), "kill");
  assert.equal(nextOf(afterInput(afterInput(refused, true), false)), "kill");
  assert.equal(nextOf(afterInput({ ...refused, status: "ended" }, false)), "mend");
  assert.equal(nextOf(afterInput({ ...refused, status: "ended" }, false, false)), "again"); // the message went with the mistake
});

test("only a restart runs a code to which a process did not switch, until the text is that of the code that runs", () => {
  const message = "nothing has changed: till still runs the old code, and did not switch to the new one in time";
  assert.equal(busyIn(message), "till");
  assert.equal(busyIn("nothing has changed: a cannot run the new source: KeyError"), "");
  const busy = { status: "running", last: "refusal", typed: false, other: false, busy: "till" };
  for (const last of ["refusal", "crash"]) assert.equal(nextOf({ ...busy, last, other: true }), "restart", last);
  assert.equal(nextOf(afterInput(busy, true)), "restart");
  assert.equal(nextOf({ ...busy, typed: true, wrong: 3 }), "line");
  assert.equal(nextOf(afterInput({ ...busy, last: "crash" }, false)), "fix");
  assert.equal(nextOf({ ...busy, status: "ended", last: "crash" }), "fix");
});

test("a change of an init is one in its lines, and not in other methods, comments or empty lines", () => {
  const source = "class A:\n    def init(self, n):\n        a = 1\n\n        return Ok(n)\n"
    + "    def handle_info(self, m, n):\n        pass\n";
  assert.equal(initsOf(source), "    def init(self, n):\n        a = 1\n        return Ok(n)");
  assert.equal(initsOf(source), initsOf(source.replace("pass", "return NoReply(n)").replace("\n\n", "\n# why\n")));
  assert.notEqual(initsOf(source), initsOf(source.replace("a = 1", "a = 2")));
  assert.notEqual(initsOf(source), initsOf(source.replace("    def init", "    async def init")));
  const long = source.replace("def init(self, n):", "def init(\n        self, n\n    ) -> Ok[int]:");
  assert.notEqual(initsOf(long), initsOf(long.replace("a = 1", "a = 2")));
  assert.equal(initsOf("def init(self):\n    pass\ninit = 3\n"), "");
});

test("a crash at a raise is no mistake to fix while its supervisor goes on", () => {
  const crash = { status: "running", last: "crash", typed: false, other: false };
  assert.equal(nextOf(crash), "fix");
  assert.equal(nextOf({ ...crash, raised: true }), "raised");
  assert.equal(nextOf({ ...crash, raised: true, status: "ended" }), "fix");
  for (const line of ['    raise RuntimeError("no")', '        case "crash": raise ValueError']) assert.ok(raisesItself(line), line);
  for (const line of ["    raised = 1", "    return n + 1"]) assert.ok(!raisesItself(line), line);
});

test("a process that keeps None may crash again with corrected code", () => {
  const servers = [
    { name: "a", before: "None", after: "None" }, { name: "b", before: "None", after: "0" }, { name: "c", before: "1", after: "1" },
  ];
  assert.deepEqual(["a", "b", "c", ""].map((name) => keepsNone(servers, name)), [true, false, false, false]);
});

test("a sandbox can run on members that are connected, and a chosen one stays when it is gone", () => {
  const line = (/** @type {string} */ name, kind = "member", status = "up") => /** @type {any} */ ({ name, kind, status });
  const others = [line("web", "service"), line("n1@simulated", "simulated")];
  const nodes = [line("superlearner@127.0.0.1", "platform"), ...others, line("b", "member", "lost")];
  assert.deepEqual(memberChoices(nodes, ""), [["", "this platform"]]);
  assert.deepEqual(memberChoices([...nodes, line("m2")], "m2"), [["", "this platform"], ["m2", "m2"]]);
  assert.deepEqual(memberChoices([...nodes, line("m2")], "b"), [["", "this platform"], ["m2", "m2"], ["b", "b (gone)"]]);
});

test("the line of the child spec is that of the child, else the only one that names no other child", () => {
  const none = new Map(), end = { kind: "killed", key: "top/a", sup: "top", parts: { who: "a", restart: "temporary" } };
  const two = 'A.child_spec(name="a", restart="temporary")\nA.child_spec(name="b", restart="temporary")\n# restart="temporary"';
  assert.deepEqual(leftOf([end], two, none), { who: "a", restart: "temporary", line: 1 });
  assert.equal(leftOf([{ ...end, parts: { who: "c", restart: "temporary" } }], two, none)?.line, 0);
  assert.equal(leftOf([end], 'x = 1\n{"id": a, "restart": "temporary"}', none)?.line, 2);
  for (const other of ['A.child_spec(name="b", restart="temporary")', "{'id': 'b', 'restart': 'temporary'}"])
    assert.equal(leftOf([end], other, none)?.line, 0, "regression: the line of another child");
  assert.equal(leftOf([{ kind: "restarted", parts: { who: "a" } }], two, none), null);
});

test("a process that was not restarted is forgotten once it runs again, alone, with siblings or with its supervisor", () => {
  const end = { kind: "stopped", key: "top/t", sup: "top", parts: { who: "t", restart: "transient" } };
  const row = (/** @type {string|null} */ pid) => new Map([["top/t", { pid }]]);
  const left = (/** @type {any} */ later, /** @type {string|null} */ pid = null) => leftOf([end, ...later], "", row(pid))?.who ?? null;
  assert.equal(left([]), "t");
  assert.equal(left([{ kind: "started", key: "top/t" }]), null);
  assert.equal(left([{ kind: "stopped", key: "top/t" }]), null, "it was stopped on request later");
  const along = { kind: "restarted", key: "top/b", sup: "top", parts: { who: "b", restarted: ["t", "b"] } };
  assert.equal(left([along]), null, "regression: restarted along with a sibling");
  assert.equal(left([{ ...along, sup: "top/other" }]), "t", "another supervisor has a child of that name");
  assert.equal(left([], "0.9.0"), null, "regression: its supervisor was restarted, and the process with it");
  assert.equal(left([along, end]), "t");
});

test("a tree is bare while its top supervisor runs, and nothing below it runs or is being restarted", () => {
  /** @type {(pid: string|null, ...children: [string, string|null][]) => boolean} */
  const bare = (pid, ...children) => isBare(new Map([
    { parent: null, pid, kind: "supervisor", state: "running" },
    ...children.map(([state, pid]) => ({ parent: "top", pid, kind: "worker", state })),
  ].map((one, place) => [String(place), one])));
  assert.ok(bare("0.1.0"));
  assert.ok(bare("0.1.0", ["stopped", null], ["gave_up", null]));
  assert.ok(!bare("0.1.0", ["stopped", null], ["running", "0.2.0"]));
  assert.ok(!bare("0.1.0", ["restarting", null]), "regression: a restart was under way");
  assert.ok(!bare("0.1.0", ["gave_up", "0.2.0"]), "it is about to be restarted");
  assert.ok(!bare(null, ["stopped", null]));
  assert.ok(!isBare(new Map()), "regression: before the first snapshot");
});

test("a tree without processes is offered no kill", () => {
  const one = /** @type {const} */ ({ status: "running", last: "start", typed: false, other: false });
  assert.deepEqual([nextOf(one), nextOf({ ...one, bare: true }), nextOf({ ...one, left: true, bare: true })], ["kill", "bare", "left"]);
  assert.equal(nextOf({ ...one, last: "crash", left: true }), "fix");
});

test("after an end at a limit the next step is a change, and not the same run", () => {
  const ended = { status: /** @type {const} */ ("ended"), last: /** @type {const} */ ("end"), typed: false, other: false };
  for (const [reason, limit] of [
    ["used more than 512 MiB of memory", "memory"], ["killed by SIGKILL: out of CPU time (60 s)", "time"],
    ["wrote more than 1,024 kB of output", "output"], ["Main gave up", ""],
  ]) {
    assert.equal(limitIn(reason), limit);
    assert.equal(nextOf({ ...ended, limit }), limit ? "limit" : "again");
    assert.equal(nextOf({ ...ended, limit, typed: true }), "start");
  }
  const loop = "def f(x):\n    while True:\n        x.append(1)\n\n    x.append(2)\n";
  assert.equal(growthIn(loop), 3);
  assert.equal(growthIn(loop.replace("while True", "while x")), 0);
  assert.equal(growthIn(`${loop}while 1:\n    y += x\n`), 0);
});
