// What the palette's commands ask for, and how they say it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { commands, distance, subject } from "#static/shell/palette-commands.js";
import { effect } from "#static/shell/palette-sure.js";
import { WORDS } from "#static/shell/page-words.js";

const line = (name, pid, more = {}) => ({
  name, pid, type: "genserver", what: "Ledger", critical: false, supervisor: "0.5.0", supervisor_name: "checkout_sup", child_id: name,
  ...more,
});

const KNOWN = {
  lines: [
    line("ledger", "0.7.0"), line("led/lamp", "0.8.0"), line("Book ACME", "0.9.0"),
    line("free", "0.10.0", { supervisor: null, supervisor_name: null, child_id: null }),
    line("worker", "0.11.0", { supervisor: "0.6.0", supervisor_name: "pool", child_id: "undefined" }),
    line("clock", "0.2.0", { critical: true }),
  ],
  supervisors: [
    { name: "checkout_sup", pid: "0.5.0", strategy: "rest_for_one", max_restarts: 3, max_seconds: 5 },
    { name: "pool", pid: "0.6.0", strategy: "dynamic", max_restarts: 3, max_seconds: 5 },
  ],
  stopped: [{ id: "mailer", supervisor: "0.5.0", supervisor_name: "checkout_sup" }],
};

const texts = (question) => commands(question, KNOWN).items.map(({ text }) => text);
const note = (question) => commands(question, KNOWN).note;
const only = (question) => {
  const { items } = commands(question, KNOWN);
  assert.equal(items.length, 1, question);
  return items[0];
};

test("a verb and a part of a name offer the action, with the consequence of the strategy", () => {
  assert.deepEqual(texts("kill led").toSorted(), ["Kill led/lamp", "Kill ledger"]);
  assert.deepEqual([texts("END ledger"), texts("kill 0.7.0"), texts("kill book acme"), texts("killer"), texts("ledger")],
    [["Kill ledger"], ["Kill ledger"], ["Kill Book ACME"], [], []]);
  assert.equal(only("kill ledger").more, "checkout_sup, rest_for_one: it and those started after it are restarted");
  assert.equal(only("kill free").more, "not supervised: it will not come back");
});

test("a running server can be suspended, a suspended one resumed", () => {
  const held = { ...KNOWN, lines: [line("till", "0.12.0", { status: "suspended" }), ...KNOWN.lines] };
  const of = (question) => commands(question, held).items.map(({ deed: { title, method, path, body } }) => [title, method, path, body]);
  assert.deepEqual(of("suspend ledger"), [["Suspend ledger", "POST", "/processes/0.7.0/suspend", { force: false }]]);
  assert.deepEqual(of("resume till"), [["Resume till", "POST", "/processes/0.12.0/resume", {}]]);
  assert.deepEqual([commands("suspend till", held).note, commands("resume ledger", held).note],
    ["till is already suspended.", "ledger is not suspended."]);
});

test("each action has its request", () => {
  const request = (question) => {
    const { method, path, body, predict } = only(question).deed;
    return [method, path, body, predict];
  };
  assert.deepEqual(request("kill ledger"), [
    "DELETE", "/processes/0.7.0", { reason: "kill", force: false }, "/supervisors/0.5.0/children/ledger/predict?reason=killed",
  ]);
  assert.deepEqual(request("kill worker"), [
    "DELETE", "/processes/0.11.0", { reason: "kill", force: false }, "/supervisors/0.6.0/children/0.11.0/predict?reason=killed",
  ]);
  assert.deepEqual(request("kill clock")[2], { reason: "kill", force: true });
  assert.deepEqual(request("kill free")[3], undefined);
  assert.deepEqual(request("restart led/lamp").slice(0, 2), ["POST", "/supervisors/0.5.0/children/led%2Flamp/restart"]);
  assert.deepEqual(request("restart mailer").slice(0, 2), ["POST", "/supervisors/0.5.0/children/mailer/restart"]);
  assert.deepEqual(request("terminate worker").slice(0, 2), ["POST", "/supervisors/0.6.0/children/0.11.0/terminate"]);
  assert.deepEqual(request("set checkout_sup one_for_all").slice(0, 3), ["PUT", "/supervisors/0.5.0/flags", { strategy: "one_for_all" }]);
  assert.deepEqual(request("set checkout_sup max_restarts 5").slice(0, 3), ["PUT", "/supervisors/0.5.0/flags", { max_restarts: 5 }]);
  assert.deepEqual(request("set checkout_sup max_seconds infinity")[2], { max_seconds: "infinity" });
});

test("after a supervisor its other strategies and its limits are offered", () => {
  const limits = ["Set checkout_sup max_restarts …", "Set checkout_sup max_seconds …"];
  assert.deepEqual(texts("set checkout_sup "), ["Set checkout_sup one_for_one", "Set checkout_sup one_for_all", ...limits]);
  assert.deepEqual(texts("set checkout_sup one"), ["Set checkout_sup one_for_one", "Set checkout_sup one_for_all"]);
  assert.deepEqual(texts("set check max"), limits);
  assert.equal(commands("set checkout_sup max_r", KNOWN).items[0].fill, "set checkout_sup max_restarts ");
  assert.deepEqual(texts("set pool one_for_all"), []); // a dynamic supervisor keeps its strategy
  assert.equal(note("set checkout_sup max_restarts -1"), "max_restarts is a whole number from 0, or infinity.");
  assert.equal(note("set checkout_sup max_seconds 0"), "max_seconds is a number over 0, or infinity.");
});

test("what cannot be done is said, with a suggestion for a name that is nearly right", () => {
  assert.equal(note("kill lezger"), "No process is called “lezger”; did you mean ledger?");
  assert.deepEqual(texts("kill lezger"), ["Kill ledger"]);
  assert.equal(note("kill qqqqqqqq"), "No process is called “qqqqqqqq”.");
  assert.equal(note("set chekcout_sup one_for_all"), "No supervisor is called “chekcout_sup”; did you mean checkout_sup?");
  assert.equal(note("restart free"), "free is not supervised: no supervisor can restart it.");
  assert.equal(note("restart worker"), "worker is a child of a dynamic supervisor, which cannot restart it by itself.");
  assert.deepEqual([distance("ledger", "lezger"), distance("", "ab"), distance("abc", "ac")], [1, 2, 1]);
});

test("verbs are offered while they are typed, and the words to search for are those of the name", () => {
  assert.deepEqual(commands("ki", KNOWN).items.map(({ text, fill }) => [text, fill]), [["Kill a process…", "kill "]]);
  assert.deepEqual(texts("k"), []);
  assert.deepEqual(["kill robot", "End 0.7.0", "set checkout_sup one", "killer", "kill"].map(subject),
    ["robot", "0.7.0", "checkout_sup", "killer", "kill"]);
});

test("the effect is the prediction, or what is known without it", () => {
  const step = {
    name: "checkout_sup", supervisor: "0.5.0", strategy: "rest_for_one", child: "ledger", outcome: "restarts",
    words: "ledger restarts, and with it cart", restarts_used: 1, max_restarts: 3, max_seconds: 5,
  };
  const { deed } = only("kill ledger");
  assert.equal(effect(deed, { steps: [step], comes_back: true }),
    "checkout_sup (rest_for_one): ledger restarts, and with it cart (2 of 3 restarts left in 5 s).");
  const up = { ...step, outcome: "gives_up", words: "one restart too many: the supervisor stops all its children and gives up" };
  assert.match(effect(deed, { steps: [up], comes_back: false }), /gives up\. Nothing starts it again\.$/);
  assert.equal(effect(deed, null),
    "ledger ends. Its supervisor checkout_sup (rest_for_one) decides whether it starts again. The prediction is not available now.");
  assert.equal(effect(only("kill free").deed, null), "free is not supervised: it will not come back.");
});

test("what is lost by a restart or a stop is said with it", () => {
  const waiting = { ...KNOWN, lines: KNOWN.lines.map((line) => ({ ...line, message_queue_len: 46 })) };
  for (const verb of ["restart", "terminate"])
    assert.match(commands(`${verb} ledger`, waiting).items[0]?.deed?.known ?? "", / Its state and 46 waiting messages are lost\./, verb);
});

test("the former names of pages find the page they have become", () => {
  for (const word of ["traces", "replay", "recordings"]) assert.ok(WORDS.timeline.includes(word), word);
  for (const word of ["supervisors", "processes", "map", "table"]) assert.ok(WORDS.supervisors.includes(word), word);
});
