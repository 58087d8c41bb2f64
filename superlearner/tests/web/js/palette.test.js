// How the palette finds and orders.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fit, pieces } from "#static/shell/fuzzy.js";
import { processItem, rank, remembered, restartItem, timeIn, trusted, wordsOfRestarts } from "#static/shell/palette-items.js";

/** The texts that fit, the best first. */
const order = (question, ...texts) =>
  texts.map((text) => [text, fit(question, text)]).filter(([, found]) => found).sort(([, one], [, other]) =>
    other.score - one.score).map(([text]) => text);

const item = (text, group = "Processes", more = {}) => ({
  id: `${group}:${text}`, group, icon: "run", text, more: "", href: "/x", ...more,
});

const ranked = (items, question, recent = []) =>
  rank(items, question, recent).map(({ name, found }) => [name, found.map((one) => one.item.text)]);

test("a name that begins so comes first, then beginnings of words, then letters", () => {
  assert.deepEqual(order("led", "tiled_edges", "my_ledger", "ledger", "led", "zebra"), ["led", "ledger", "my_ledger", "tiled_edges"]);
  assert.deepEqual(order("cs", "orders", "checkout_sup", "cart_cache"), ["checkout_sup"]);
  assert.deepEqual(order("DoFO", "demo_one_for_one", "DemoOneForOne"), ["DemoOneForOne", "demo_one_for_one"]);
});

test("letters that lie far apart are no find, and every word is needed", () => {
  assert.deepEqual(order("ledg", "all events that led nowhere, a long way off gone"), []);
  assert.deepEqual(order("shop led", "ledger", "shop/ledger"), ["shop/ledger"]);
  assert.deepEqual(order("", "anything"), ["anything"]);
});

test("the letters that were meant are marked, also in odd texts", () => {
  assert.deepEqual(pieces("checkout_sup", fit("cs", "checkout_sup").places),
    [["c", true], ["heckout_", false], ["s", true], ["up", false]]);
  assert.doesNotThrow(() => fit("i", "İstanbul"));
  assert.equal(fit("a".repeat(500), "b".repeat(20_000)), null);
});

test("without a question recent ones come first and are listed once", () => {
  const items = [item("Supervisors", "Pages"), item("Docs", "Pages"), item("ledger")];
  assert.deepEqual(ranked(items, "", [item("Docs", "Pages"), item("cart")]), [["Recent", ["Docs", "cart"]], ["Pages", ["Supervisors"]]]);
});

test("the group with the best find is first, and what was chosen before is better", () => {
  const items = [item("process.kill", "Operations"), item("killer"), item("kilo"), item("Kill it", "Documentation")];
  assert.ok(["Processes", "Documentation"].includes(ranked(items, "kil")[0][0]));
  assert.deepEqual(ranked(items, "kil", [item("kilo")])[0], ["Processes", ["kilo", "killer"]]);
  assert.deepEqual(ranked([item("x", "Processes", { more: "of the shop" })], "shop"), [["Processes", ["x"]]]);
});

test("what storage holds is trusted only as far as it leads here", () => {
  const good = item("ledger", "Processes", { href: "http://here/supervisors" });
  const bad = [
    good, item("a", "Processes", { href: "javascript:alert(1)" }), item("b", "Processes", { href: "https://there/" }), { id: 1 }, null,
    "x",
  ];
  assert.deepEqual(trusted(bad, "http://here").map(({ text }) => text), ["ledger"]);
  assert.deepEqual(trusted({}, "http://here"), []);
  const cart = item("cart");
  assert.deepEqual(remembered([good, cart], cart).map(({ text }) => text), ["cart", "ledger"]);
});

test("what the query commands comes before all else", () => {
  const items = [item("Killers", "Pages"), item("robot")];
  const groups = rank(items, "kill robot", [], [item("Kill robot", "Commands")]);
  assert.deepEqual(groups.map(({ name, found }) => [name, found.map((one) => one.item.text)])[0], ["Commands", ["Kill robot"]]);
  const verb = rank(items, "kil", [], [item("Kill a process…", "Commands", { id: "verb:kill", fill: "kill " })]);
  assert.deepEqual(verb.map(({ name }) => name), ["Pages", "Commands"]);
});

test("a process of another node is found with its node, and no command acts on it", () => {
  const line = { name: "bank", what: "Bank", pid: "0.6.0", type: "worker" };
  const own = processItem(line, "", "/supervisors?process=bank");
  const other = processItem(line, "pay", "/supervisors?process=bank&node=pay", "pay");
  assert.deepEqual([own.more, own.line, other.more, other.line], ["Bank · 0.6.0", line, "Bank · 0.6.0 · pay", undefined]);
  assert.deepEqual(ranked([own, other], "bank"), [["Processes", ["bank", "bank"]]]);
  assert.notEqual(own.id, other.id);
  assert.equal(processItem({ ...line, name: null }, "", "/").text, "Bank 0.6.0");
});

test("restarts are found by the names in them, and by words such as crashed and gave up", () => {
  const of = (ref, line, more = {}) => restartItem({ ref, line, kept: true, count: 1, ...more }, line, "18:14:30", "/why/x");
  const items = [
    of("9f3a0c1b22d4.9", "checkout_sup gave up"), of("9f3a0c1b22d4.7", "ledger crashed and was restarted"), item("cart"), item("ledger"),
  ];
  const restarts = (question) => ranked(items, question).find(([name]) => name === "Restarts")?.[1];
  assert.deepEqual(restarts("checkout_sup gave up"), ["checkout_sup gave up"]);
  assert.deepEqual(restarts("why did ledger restart"), ["ledger crashed and was restarted"]);
  assert.deepEqual(restarts("last restarts"), ["checkout_sup gave up", "ledger crashed and was restarted"]);
  assert.equal(restarts("crashed")?.length, 2);
  assert.equal(restarts("cart"), undefined);
  assert.equal(of("9f3a0c1b22d4.5", "till crashed", { kept: false }), null);
  assert.equal(of("9f3a0c1b22d4.9", "checkout_sup gave up").icon, "gave-up");
});

test("restarts are found by their reasons and by what the server found, and give-ups alone by gave up", () => {
  const of = (ref, line, more = {}, asked = "") =>
    restartItem({ ref: `9f3a.${ref}`, line, kept: true, count: 1, ...more }, line, "18:14:30", "/why/x", asked);
  const items = [
    of(1, "pricing crashed and was restarted", { reason: "TypeError('no')", name: "pricing", where: "fulfil.py:44 in handle_cast" }),
    of(2, "delivery gave up", { reason: "ConnectionRefusedError('courier')", gave_up: true }),
    of(3, "ledger was killed and restarted", { reason: "killed" }), of(4, "cart ended", {}, "0.12.0"),
  ];
  const restarts = (question) => ranked(items, question).find(([name]) => name === "Restarts")?.[1] ?? [];
  assert.deepEqual(restarts("TypeError"), ["pricing crashed and was restarted"]);
  assert.deepEqual(restarts("connectionrefusederror"), ["delivery gave up"]);
  assert.deepEqual(restarts("fulfil.py"), ["pricing crashed and was restarted"]);
  assert.deepEqual(restarts("restarts of pricing"), ["pricing crashed and was restarted"]);
  assert.deepEqual(restarts("0.12.0"), ["cart ended"]);
  assert.deepEqual([restarts("gave up"), restarts("give-up")], [["delivery gave up"], ["delivery gave up"]]);
  assert.deepEqual(items.map(({ more }) => more),
    ["18:14:30 · TypeError", "18:14:30 · ConnectionRefusedError", "18:14:30", "18:14:30"]);
  assert.deepEqual(["restarts of pricing", "TypeError", "last restarts", "gave up"].map(wordsOfRestarts),
    ["pricing", "TypeError", "", "gave up"]);
});

test("a time of day finds what happened in that minute, also in a folded row, and nothing else", () => {
  const at = (hour, minute, second = 0) => new Date(2026, 10, 27, hour, minute, second).getTime() / 1000, now = at(19, 40);
  const of = (line, from, until = from) => restartItem({ ref: `a.${from}`, line, kept: true, count: 1, at: from, until }, line, "", "/");
  const items = [
    item("The slowest exercise 19:29", "Pages"), of("warehouse_sup gave up", at(19, 29, 27)),
    of("shelves was killed 5×", at(19, 29, 24), at(19, 30, 21)),
    of("mailer crashed", at(19, 30)), of("gate crashed", at(19, 28, 59)),
  ];
  const found = (question) =>
    rank(items, question, [], [], now).map(({ name, found: rows }) => [name, rows.map(({ item: { text } }) => text)]);
  assert.deepEqual(found("19:29"), [["Restarts", ["warehouse_sup gave up", "shelves was killed 5×"]]]);
  assert.deepEqual(found("19:29:27"), [["Restarts", ["warehouse_sup gave up", "shelves was killed 5×"]]]);
  assert.deepEqual(found("shelves 19:30"), [["Restarts", ["shelves was killed 5×"]]]);
  assert.deepEqual(found("19:45"), []);
  assert.deepEqual(timeIn("19:45", now), { from: at(19, 45) - 86_400, until: at(19, 46) - 86_400, rest: "" });
  assert.deepEqual([timeIn("25:00", now), timeIn("localhost:8000", now)], [null, null]);
});
