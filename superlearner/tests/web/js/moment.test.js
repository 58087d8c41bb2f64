// The fall and rise of a process: cues, pictures, positions and words of a restart.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isSupervisor, layout, link, pointOf, reasonPlace, touched } from "#static/moment/layout.js";
import { all, picture } from "#static/moment/picture.js";
import { poseOf, schedule, stageAt, stepFrom } from "#static/moment/schedule.js";
import { changeTexts, doneAt, factsOf, ghostSentence, others, rows, step } from "#static/moment/details.js";
import { elapsed } from "#static/base/words.js";
import { headline, isServiceChange, othersText, pace, sentence, sentenceParts, startsNothing } from "#static/moment/story.js";

import { branchOf, portrait } from "#static/start/portrait.js";

import { drawMoment, shop, simulate, supervisor, worker } from "./moments.js";
import { forAll } from "./random.js";

const read = (name) => JSON.parse(readFileSync(new URL(`moment-${name}.json`, import.meta.url), "utf8"));
const REST = read("rest"), GIVES_UP = read("gives-up"), ONE = read("one");
const LEDGER = "shop/checkout_sup/ledger", CART = "shop/checkout_sup/cart", SUP = "shop/checkout_sup";
const lookAt = (moment, t, still) => picture(all(moment.root), schedule(moment), t, still).looks;

test("with little width the branches without a part in a restart are folded, and none stands in rows", () => {
  const { places, edges, rows } = layout(GIVES_UP, 660, 500);
  assert.equal(rows, false);
  for (const id of [LEDGER, CART, "shop/warehouse_sup", "shop/orders", "shop/customers"]) assert.ok(places.has(id) && edges.has(id), id);
  for (const id of ["shop/warehouse_sup/shelves", "shop/warehouse_sup/robot"]) assert.ok(!places.has(id), id);
  assert.ok(layout(GIVES_UP, 1100, 500).places.has("shop/warehouse_sup/shelves"));
});

test("a give-up over three levels fans out beside the steps of a laptop; all that takes part is drawn below each other", () => {
  const under = (node) => ({ ...node, id: `app/${node.id}`, children: node.children.map(under) });
  const demo = supervisor("app/demo", "one_for_one", ["counter_1", "counter_2"].map((name) => worker(`app/demo/${name}`)));
  const root = supervisor("app", "one_for_one", [{ ...under(shop({ used: 3 })), used: 3 }, demo]), moment = simulate(root, `app/${LEDGER}`);
  const { places, rows, height } = layout(moment, 744, 440);
  assert.equal(rows, false);
  for (const id of touched(moment)) assert.ok(places.has(id), id);
  assert.deepEqual(["app", "app/shop", `app/${SUP}`, `app/${LEDGER}`].map((id) => places.get(id).align),
    ["right", "right", "right", "below"]);
  const stack = ["warehouse_sup", "warehouse_sup/shelves", "warehouse_sup/robot", "orders"].map((id) => places.get(`app/shop/${id}`).y);
  assert.deepEqual(stack.map((y, place) => Math.round(y - stack[0] - place * 34)), [0, 0, 0, 0]);
  assert.ok(height < 560, `${height}`); // the drawing is made smaller, down to 0.65
});

test("slow motion is called so only where a replay takes longer than the restart", () => {
  assert.deepEqual([0.002, null, 3].map((took) => pace({ took }, 1600)),
    ["slow-motion replay of 2\u00a0ms", "slow-motion replay", "it took 3\u00a0s"]);
});

test("a restart in a few words, and on the line of a supervisor that gave up", () => {
  assert.deepEqual([REST, GIVES_UP].map(headline), ["ledger restarted", "checkout_sup gave up"]);
  const exits = schedule(GIVES_UP).cues.filter(({ of }) => of === "exit").map(({ text }) => text);
  assert.deepEqual(exits, ["ValueError('negative amount')", "gave up · shutdown"]);
});

test("a dynamic child that was replaced before a give-up is named by the process that was stopped", () => {
  const jobs = ["0.7.0", "0.8.0"].map((pid) => ({ ...worker(`top/pool/${pid}`, pid), name: `Job ${pid}` }));
  const pool = supervisor("top/pool", "dynamic", jobs, { kind: "dynamic_supervisor", used: 3 });
  const moment = simulate(supervisor("top", "one_for_one", [pool]), "top/pool/0.8.0");
  const stop = moment.events.find(({ kind }) => kind === "stop");
  stop.pid = "0.11.0";
  assert.deepEqual(step(moment, stop), { who: "Job 0.11.0", text: "stopped by pool", more: "" });
});

test("each start runs along a line, also below the root", () => {
  for (const moment of [REST, GIVES_UP, simulate(shop({ used: 3 }), LEDGER)]) {
    const starts = schedule(moment).cues.filter(({ of }) => of === "start"), { edges } = layout(moment, 1100, 500);
    assert.deepEqual(starts.map(({ id }) => id), moment.events.filter(({ kind }) => kind === "start").map(({ id }) => id));
    for (const { id } of starts) assert.ok(edges.has(id), id); // regression: a badge of the root's, at no place
  }
});

test("the end of a service or a member has a description and no replay, as no supervisor took part", () => {
  const summary = "pay@127.0.0.1 is gone: its service has ended", gone = { ...ONE, program: true, summary, events: ONE.events.slice(0, 1) };
  const back = { ...gone, facts: { away: "18 s, until 19:40:02" }, request: null };
  assert.deepEqual([gone, ONE, { ...ONE, program: true }].map(isServiceChange), [true, false, false]);
  assert.equal(headline(gone), summary);
  assert.equal(changeTexts(back)[0], "It was away for 18 s, until 19:40:02.");
  assert.ok([...changeTexts(gone), ...changeTexts(back)].every((text) => !/supervisor|crash/.test(text)));
  const facts = { supervisor: "Its program did not end. The reason: report held the event loop for 20 s." };
  assert.deepEqual(changeTexts({ ...gone, facts, request: null }), [facts.supervisor]);
});

test("one restart takes about 1.6 s, a give-up about 2.6 s", () => {
  const near = (moment, least, most) => assert.ok(schedule(moment).end >= least && schedule(moment).end <= most, `${schedule(moment).end}`);
  near(ONE, 1300, 1900);
  near(REST, 1400, 2000);
  near(GIVES_UP, 2200, 3000);
});

test("the six stages follow each other, and each event has a cue", () => {
  forAll(400, drawMoment, (moment) => {
    const { cues, stages, end } = schedule(moment);
    assert.equal(stages.length, 7);
    stages.forEach((at, place) => assert.ok(place === 0 || at > stages[place - 1], `${stages}`));
    assert.equal(end, stages[6]);
    assert.ok(end <= 5000);
    assert.deepEqual(new Set(cues.map(({ event }) => event)), new Set(moment.events.keys()));
    for (const { at, dur } of cues) assert.ok(at >= 0 && at + dur <= stages[5] + 0.01);
  });
});

test("nothing starts before its cause", () => {
  forAll(400, drawMoment, (moment) => {
    const { cues } = schedule(moment);
    const of = (place) => cues.filter(({ event }) => event === place);
    const begins = (place) => Math.min(...of(place).map(({ at }) => at));
    const arrives = (place) => Math.max(...of(place).map((cue) => (cue.kind === "go" ? cue.at + cue.dur : cue.at)));
    moment.events.forEach((event, place) => {
      if (place) assert.ok(begins(place) >= begins(place - 1) - 0.01, `event ${place} begins before the one above it`);
      const before = moment.events.slice(0, place).map((other, at) => [other, at]);
      const cause = before.findLast(([other]) => {
        if (event.kind === "signal") return other.kind === "crash" && other.id === event.id;
        if (event.kind === "decide") return other.kind === "signal" && other.to === event.id;
        if (event.kind === "stop") return other.kind === "decide";
        if (event.kind === "start")
          return (other.kind === "start" && other.id === event.by) || other.kind === "stop" || other.kind === "decide";
        return event.kind === "crash" && other.kind === "decide";
      });
      if (event.kind !== "crash" || place) assert.ok(cause, `event ${place} has a cause`);
      if (cause && event.kind !== "start")
        assert.ok(begins(place) >= (cause[0].kind === "signal" ? arrives(cause[1]) : begins(cause[1])) - 0.01);
      if (event.kind === "start") {
        for (const [other, at] of before) {
          if (other.kind === "stop" || (other.kind === "start" && other.id === event.by))
            assert.ok(begins(place) >= arrives(at) - 0.01, `event ${place} begins before ${at} is done`);
        }
      }
    });
  });
});

test("a picture depends on its time only, and ends with every restarted process running", () => {
  forAll(200, drawMoment, (moment) => {
    const score = schedule(moment), nodes = all(moment.root);
    assert.deepEqual(picture(nodes, score, 700), picture(nodes, score, 700));
    assert.deepEqual([...picture(nodes, score, 0).looks.values()].filter(({ state }) => state !== "running").length, 0);
    const { looks, flights } = picture(nodes, score, score.end);
    assert.deepEqual(flights, []);
    const last = new Map(
      moment.events.flatMap((event) => (["crash", "stop", "start"].includes(event.kind) ? [[event.id, event.kind]] : [])));
    for (const [id, look] of looks) assert.equal(look.state === "running", (last.get(id) ?? "start") === "start", id);
  });
});

test("rest_for_one: crash, reason up the line, a restart spent, siblings stopped newest first and started in order", () => {
  const score = schedule(REST), at = (stage) => lookAt(REST, poseOf(score, stage));
  assert.equal(at(1).get(LEDGER).state, "crashed");
  assert.equal(at(1).get(CART).state, "running");
  const [climbs] = picture(all(REST.root), score, poseOf(score, 2)).flights;
  assert.equal(climbs.pulse.text, "ValueError('negative amount')");
  assert.ok(climbs.along > 0.2 && climbs.along < 0.8);
  assert.deepEqual([at(2).get(SUP).left, at(3).get(SUP).left, at(3).get(SUP).blink > 0.5], [3, 2, true]);
  assert.deepEqual([at(4).get("shop/checkout_sup/mailer").state, at(4).get(LEDGER).state], ["stopped", "crashed"]);
  assert.deepEqual([at(5).get(LEDGER).pid, at(5).get(LEDGER).born], ["0.61.0", true]);
  assert.equal(at(6).get(CART).next, "cart(items=0)");
});

test("giving up: the supervisor cracks, the level above pays, and the branch has a fresh limit", () => {
  const score = schedule(GIVES_UP), at = (stage) => lookAt(GIVES_UP, poseOf(score, stage));
  assert.deepEqual([at(3).get(SUP).gaveUp, at(3).get(SUP).left], [true, 0]);
  assert.equal(lookAt(GIVES_UP, score.stages[4]).get(SUP).state, "crashed");
  const done = at(6);
  assert.deepEqual([done.get(SUP).state, done.get(SUP).left, done.get(SUP).spent.length, done.get("shop").left], ["running", 3, 0, 2]);
});

test("a mark of the limit refills in the seconds of its window", () => {
  const score = schedule(ONE), { at } = score.cues.find(({ kind }) => kind === "decide");
  const refill = (t) => lookAt(ONE, t).get(SUP).spent.at(-1)?.refill;
  assert.equal(refill(at + 2500), 0.5);
  assert.equal(refill(at + 9000), 1);
});

test("without motion a picture is one of six, and shows the end of its stage", () => {
  const score = schedule(REST), still = (t) => picture(all(REST.root), score, t, true);
  assert.deepEqual(still(score.stages[3] + 5), still(score.stages[4]));
  assert.equal(still(10).looks.get(LEDGER).fall, 1);
  assert.deepEqual(still(score.stages[2] - 20).flights.map(({ along }) => along), [0]);
  assert.equal(still(score.stages[2]).looks.get(SUP).left, 3); // a stage ends where the next one begins
  assert.deepEqual([still(score.stages[3]).looks.get(SUP).blink, still(score.stages[4]).looks.get(CART).state], [1, "stopped"]);
});

test("the arrow keys reach each stage once", () => {
  const score = schedule(REST), seen = [];
  for (let t = 0; t < score.end; seen.push(stageAt(score, t))) t = stepFrom(score, t, 1);
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6]);
  assert.equal(stepFrom(score, score.stages[3], -1), score.stages[2]);
  assert.equal(stepFrom(score, 5, -1), 0);
});

test("a temporary child, a normal exit and a link have their pictures, too", () => {
  const drop = simulate(shop(), "shop/stocktaking", "killed");
  assert.equal(lookAt(drop, 99_999).get("shop/stocktaking").state, "crashed");
  assert.equal(sentence(drop, 3), "shop does not restart stocktaking.");
  const normal = simulate(shop(), LEDGER, "normal");
  normal.events[0].crash = false;
  assert.equal(lookAt(normal, 300).get(LEDGER).state, "ended");
  const root = supervisor("top", "one_for_one", [worker("top/a"), worker("top/b")]);
  const linked = simulate(root, "top/a", "killed");
  linked.events.splice(1, 0, { kind: "link", id: "top/a", to: "top/b", reason: "killed", at: 0 });
  const score = schedule(linked);
  assert.equal(lookAt(linked, score.stages[2]).get("top/b").state, "crashed");
});

test("a tree that gave up and is started again after a pause is told by who did it, and when", () => {
  const tree = supervisor("playground/Shop", "one_for_one", [worker("playground/Shop/a")], { limit: [0, 5], restart: "transient" });
  const moment = simulate(supervisor("playground", "one_for_one", [tree]), "playground/Shop/a", "killed");
  const place = moment.events.findIndex(({ id, kind }) => kind === "decide" && id === "playground");
  const told = (later) => {
    const decided = { ...moment.events[place], what: "pause", left: null, later };
    const events = [...moment.events.slice(0, place), decided];
    return [sentence({ ...moment, events }, 5), sentence({ ...moment, events }, 6), step(moment, decided)];
  };
  const [after, whole, { text, more }] = told(1.02);
  assert.equal(after, "playground receives the exit. It waited 1\u00a0s after the give-up, then started Shop again.");
  assert.match(whole, /gave up: it allows no restarts\. playground waited 1\u00a0s after the give-up, then started it again\.$/);
  assert.deepEqual([text, more], ["started it again", "1\u00a0s later"]);
  assert.equal(told(null)[0], "playground receives the exit. It starts Shop again after a pause.");
  const { at, ...decided } = moment.events[place];
  assert.deepEqual([doneAt({ at, ...decided, later: 1 }), doneAt(moment.events[0])], [at + 1, 0]);
});

test("the last picture of a tree that was started again after a pause shows it and its children running", () => {
  const tree = supervisor("playground/Shop", "one_for_one", ["a", "b"].map((name) => worker(`playground/Shop/${name}`)), { limit: [0, 5] });
  const whole = simulate(supervisor("playground", "one_for_one", [tree, worker("playground/other")]), "playground/Shop/a", "killed");
  const place = whole.events.findIndex(({ id, kind }) => kind === "decide" && id === "playground");
  const paused = (later) => ({
    ...whole, events: [...whole.events.slice(0, place), { ...whole.events[place], what: "pause", left: null, later }],
  });
  const states = (moment, time) => [...lookAt(moment, time).values()].map(({ state }) => state);
  const again = paused(1.02), score = schedule(again);
  assert.deepEqual(states(again, score.end), Array(5).fill("running"));
  assert.deepEqual(states(again, score.stages[4]), ["running", "crashed", "crashed", "stopped", "running"]);
  assert.equal(score.cues.at(-1).event, place); // its row of the list of events is marked
  assert.deepEqual(states(paused(null), schedule(paused(null)).end), ["running", "crashed", "crashed", "stopped", "running"]);
});

test("a reason that ends with a question mark gets no full stop", () => {
  const moment = simulate(shop(), LEDGER, "handle_call returned None: is a return missing?");
  assert.match(sentence(moment, 6), /is a return missing\? checkout_sup/);
});

test("a process named left is named by its place in the sentence, not wherever the word stands", () => {
  const tree = supervisor("left", "one_for_one", ["left/right", "left/Main"].map((id) => worker(id)));
  const parts = sentenceParts(simulate(tree, "left/right", "right is not left"), 6);
  assert.deepEqual(parts.filter((_, place) => place % 2), ["right", "left", "left"]);
  assert.match(parts.at(-1), /^ had 2 of 3 restarts left/);
  assert.deepEqual(sentenceParts({ ...simulate(tree, "left/right"), events: [], summary: "right ended" }, 6), ["right ended"]);
  forAll(100, drawMoment, (moment) => {
    for (let stage = 0; stage < 7; stage += 1) assert.equal(sentenceParts(moment, stage).join(""), sentence(moment, stage));
  });
});

test("the sentence about a signal names all processes that receive it", () => {
  const root = supervisor("top", "one_for_one", [worker("top/a"), worker("top/b")]);
  const moment = simulate(root, "top/a", "killed");
  assert.equal(sentence(moment, 2), "top receives the exit signal and the reason.");
  moment.events.splice(1, 0, { kind: "link", id: "top/a", to: "top/b", reason: "killed", at: 0 });
  assert.equal(sentence(moment, 2), "The exit signal ends b, linked to a. top receives it with the reason.");
});

test("a root that gave up is said to stay down, and its last phase has started nothing", () => {
  const moment = simulate(supervisor("tree", "one_for_one", [worker("tree/visits")], { limit: [0, 5] }), "tree/visits", "killed");
  assert.equal(sentence(moment, 5), "No supervisor on its node starts tree again.");
  assert.match(sentence(moment, 6), /gave up: it allows no restarts\. No supervisor on its node starts tree again\.$/);
  assert.deepEqual([moment, REST, GIVES_UP].map(startsNothing), [true, false, false]);
  assert.equal(startsNothing({ ...moment, going_on: true }), false);
});

test("a sibling that had just ended does not look as if it ran, until it is started", () => {
  const root = supervisor("s", "one_for_one", [worker("s/a", "0.2.0", { ended: "KeyError(7)", state: null }), worker("s/b", "0.3.0")]);
  const moment = simulate(root, "s/b"), nodes = all(root), score = schedule(moment);
  for (const time of [0, score.end])
    assert.deepEqual([picture(nodes, score, time).looks.get("s/a")].map(({ state, reason }) => [state, reason]),
      [["crashed", "KeyError(7)"]]);
  moment.events.push({ ...moment.events.at(-1), id: "s/a" });
  const later = schedule(moment);
  assert.equal(picture(nodes, later, later.end).looks.get("s/a").state, "running");
});

test("no two processes stand on each other, and all stand in the width, with their lines", () => {
  const sheets = (draw) => ({
    moment: drawMoment(draw), width: draw.one([340, 366, 619, 620, 640, 900, 1000, 1440]), height: draw.one([0, 420, 700]),
    whole: draw.one([false, true]),
  });
  forAll(400, sheets, ({ moment, width, height, whole }) => {
    const { places, edges, rows, height: used } = layout(moment, width, height, whole);
    const nodes = new Map(all(moment.root).map((node) => [node.id, node]));
    for (const id of touched(moment)) assert.ok(places.has(id), `${id} is drawn`);
    if (width < 620) assert.ok(rows);
    const spots = [...places];
    spots.forEach(([id, { x, y, size, card, label }], place) => {
      assert.ok(x - 23 * size >= 0 && x + 23 * size <= width && y + 23 * size <= used, `${id} at ${x} ${y} in ${width} ${used}`);
      assert.ok(label > 30, `${id} has room for its name`);
      if (card) assert.ok(card.x >= 0 && card.x + card.w <= width && card.y + 40 <= used, `card of ${id}`);
      for (const [other, spot] of spots.slice(place + 1)) {
        const apart = 20 * (size + spot.size);
        assert.ok(Math.abs(spot.x - x) >= apart || Math.abs(spot.y - y) >= apart, `${id} and ${other}`);
      }
      if (id === moment.root.id) return;
      const edge = edges.get(id), above = [...nodes.values()].find(({ children }) => children.some((child) => child.id === id));
      const from = places.get(above.id), [x0, y0] = pointOf(edge, 0), [x1, y1] = pointOf(edge, 1);
      assert.ok(Math.hypot(from.x - x0, from.y - y0) < 30 && Math.hypot(x - x1, y - y1) < 30, `the line of ${id}`);
    });
  });
});

test("a reason on its way up a line covers no part of the supervisor's shape, also where it has no room beside it", () => {
  const sheets = (draw) => ({ moment: drawMoment(draw), width: draw.one([640, 900, 1400]), size: draw.one([70, 160, 260]) });
  let beside = 0;
  forAll(200, sheets, ({ moment, width, size: long }) => {
    const { places, edges, rows } = layout(moment, width, 420);
    if (rows) return;
    for (const { id: above, children } of all(moment.root)) for (const { id } of children) {
      const { x, y, size } = places.get(above) ?? { size: 0 }, edge = edges.get(id), to = places.get(id);
      if (!edge || size < 1 || to.align === "row") continue;
      for (let part = 0; part <= 1; part += 1 / 32) {
        const label = { width: long, height: 22, named: to.align === "right", free: false };
        const { left, top } = reasonPlace(edge, 1 - part, part, label);
        assert.ok(left > x + 22 || left + long < x - 22 || top > y + 22 || top + 22 < y - 22, `${id} at ${part}: ${left} ${top}`);
        if (part === 1 && left + long < x) beside += Number(left >= 2);
      }
    }
  });
  assert.ok(beside > 20);
});

test("in rows, the three lines of a supervisor keep clear of a small row above", () => {
  const moment = JSON.parse(readFileSync(new URL("../../../../docs/pictures/restarts/gives_up.json", import.meta.url), "utf8"));
  const { places } = layout(moment, 390, 500), spots = [...places].sort(([, one], [, other]) => one.y - other.y);
  const supervisors = new Set(all(moment.root).filter(isSupervisor).map(({ id }) => id));
  const below = spots.filter(([id], place) => supervisors.has(id) && spots[place - 1]?.[1].big === false);
  assert.ok(below.length);
  for (const one of below) assert.ok(one[1].y - spots[spots.indexOf(one) - 1][1].y >= 44, one[0]);
});

test("the branch in question fans out where there is room; a phone shows rows", () => {
  const wide = layout(REST, 1000, 560), phone = layout(REST, 366);
  assert.equal(wide.rows, false);
  assert.equal(wide.places.get(LEDGER).size, 1);
  assert.ok(wide.places.get(LEDGER).card);
  assert.equal(wide.places.get("shop/warehouse_sup/robot").align, "row");
  assert.ok(wide.height <= 560);
  assert.equal(phone.rows, true);
  assert.ok(phone.places.get(LEDGER).card);
});

test("a whole tree has every process in full size, and stays as it is while something happens", () => {
  const still = layout({ ...REST, events: [] }, 1400, 500, true), moving = layout(REST, 1400, 500, true);
  assert.deepEqual([...still.places.values()].map(({ size }) => size), all(REST.root).map(() => 1));
  assert.deepEqual(still.places, moving.places);
  const [before, after] = [{ ...REST, events: [] }, REST].map((moment) => layout(moment, 366, 0, true).places);
  assert.deepEqual(before, after);
});

test("a supervisor that crashes has room for the word beside its restarts", () => {
  // Regression: the picture cut it off: "crashe"
  const root = supervisor("ship", "rest_for_one", [worker("ship/rates", "0.3.0"), supervisor("ship/office", "one_for_one", [])]);
  const moment = { ...ONE, root, ghosts: {}, events: [
    { kind: "crash", at: 0, id: "ship/office", reason: "x", crash: true },
    { kind: "decide", at: 0, id: "ship", what: "restart", left: 2, strategy: "rest_for_one" },
  ] };
  const { label } = layout(moment, 1000, 500).places.get("ship/office");
  assert.ok(label >= 3 * 17 + 54, `${label}`);
});

test("each stage and each event has a sentence", () => {
  const told = (moment) => [1, 2, 3, 4, 5].map((stage) => sentence(moment, stage));
  assert.deepEqual(told(REST), [
    "ledger ends. Its state is lost.", "checkout_sup receives the exit signal and the reason.",
    "checkout_sup spends one restart and applies rest_for_one.", "checkout_sup stops mailer and cart, newest first.",
    "checkout_sup starts ledger, cart and mailer, in order.",
  ]);
  assert.deepEqual(told(GIVES_UP).slice(2), [
    "checkout_sup gives up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed.",
    "checkout_sup stops its other children, newest first, and exits.",
    "shop receives the exit and starts the branch again.",
  ]);
  assert.equal(told(ONE)[3], "No other process is stopped.");
  assert.equal(sentence(ONE, 6),
    "cart was killed. checkout_sup (one_for_one) started it again, with a new pid and a new state. "
      + "checkout_sup had 2 of 3 restarts left in 5 s.");
  assert.equal(sentence(REST, 6),
    "ledger crashed: ValueError('negative amount'). checkout_sup (rest_for_one) stopped mailer and cart, then started ledger, cart and "
      + "mailer. checkout_sup had 2 of 3 restarts left in 5 s.");
  assert.equal(sentence(GIVES_UP, 6),
    "ledger crashed: ValueError('negative amount'). checkout_sup gave up: max_restarts=3 allows 3 restarts in 5 s, "
      + "and a 4th was needed. shop (one_for_one) started "
      + "checkout_sup again, with its children. shop had 2 of 3 restarts left in 5 s.");
  forAll(100, drawMoment, (moment) => {
    for (const event of moment.events) assert.ok(step(moment, event).text);
    for (let stage = 0; stage <= 6; stage += 1) assert.doesNotMatch(sentence(moment, stage), /undefined|null/);
  });
});

test("an end by a signal that a request sent does not read as a crash", () => {
  // Regression: "ledger crashed: kaputt", below a summary that named the request
  const ended = (/** @type {string} */ reason) => ({ ...REST, request: "your request from the command line (process.exit)", line: null,
    events: REST.events.map((event) => (event.kind === "crash" ? { ...event, reason, line: null } : event)) });
  const moment = ended("kaputt"), [first] = moment.events;
  assert.match(sentence(moment, 6), /^ledger was ended by your request from the command line with reason 'kaputt'\. checkout_sup /);
  assert.match(sentence(ended("('bad', 1)"), 6), / with reason \('bad', 1\)\. /);
  assert.deepEqual(step(moment, first),
    { who: "ledger", text: "was ended by your request from the command line", more: "kaputt" });
});

/** A counter that is killed, and whose start then fails with these reasons. */
function failing(reasons, gives, line = { file: "tally.py", line: 7, function: "init", source: 'raise ValueError("boom")' }) {
  const root = supervisor("tally", "one_for_one", [worker("tally/counter", "0.9.0")]), id = "tally/counter";
  const events = [
    { kind: "crash", at: 0, id, reason: "killed", crash: true }, { kind: "signal", at: 0, id, to: "tally", reason: "killed" },
    { kind: "decide", at: 0, id: "tally", what: "restart", left: 2, strategy: null },
  ];
  for (const [place, reason] of reasons.entries()) {
    const last = gives && place === reasons.length - 1;
    events.push({ kind: "crash", at: 0, id, reason, crash: true, start: true, line },
      { kind: "decide", at: 0, id: "tally", what: last ? "give_up" : "restart", left: Math.max(0, 1 - place), strategy: null });
  }
  if (!gives) events.push({ kind: "start", at: 0, id, by: "tally", pid: "0.13.0", state: "0" });
  return { ...ONE, root, events, ghosts: {}, line };
}

test("a give-up that reaches the supervisor above says so, and no branch starts again", () => {
  // Regression: "Then it gives up. ship starts the branch again." of a whole tree that fell
  const inner = failing(["no_disk"], true, null), reason = "its child counter did not start: no_disk";
  const decide = (what) => ({ kind: "decide", at: 0, id: "shop", what, left: 0, strategy: null });
  const events = [...inner.events, { kind: "crash", at: 0, id: "tally", reason: "shutdown", crash: false }, decide("restart"),
    { kind: "start", at: 0, id: "shop/log", by: "shop", pid: "0.14.0", state: "0" },
    { kind: "crash", at: 0, id: "tally", reason, crash: true, start: true, line: null }, decide("give_up")];
  const moment = { ...inner, root: supervisor("shop", "rest_for_one", [worker("shop/log", "0.8.0"), inner.root]), events };
  assert.equal(sentence(moment, 5),
    "tally cannot start counter: it fails: no_disk. Then it gives up. shop cannot start the branch again and gives up, too.");
  assert.match(sentence({ ...moment, events: moment.events.slice(0, -2) }, 5), /Then it gives up\. shop starts the branch again\.$/);
});

test("starts that fail in the same way are one sentence and one row", () => {
  const boom = "ValueError('boom')", moment = failing([boom, boom, boom], true);
  assert.equal(sentence(moment, 6),
    `counter was killed. tally tried 3 times to start counter; each time init raised ${boom}, at tally.py:7. Then it gave up. `
    + "No supervisor on its node starts tally again.");
  assert.equal(sentence(moment, 3), "tally spends one restart and applies its strategy.");
  assert.equal(sentence(moment, 4), "tally starts counter again. The start fails.");
  assert.equal(sentence(moment, 5),
    `tally tries 3 times to start counter; each time init raises ${boom}, at tally.py:7. Then it gives up.`);
  const listTexts = (moment) => rows(moment).map(({ event, times }) => Object.values(step(moment, event, times)).join(" ").trim());
  assert.deepEqual(listTexts(moment).slice(3),
    [`counter failed to start 3 times ${boom}`, "tally gives up 0 of 3 restarts left in 5 s"]);
  assert.deepEqual(rows(moment).map(({ from, to }) => [from, to]), [[0, 0], [1, 1], [2, 2], [3, 7], [8, 8]]);
  const many = failing([boom, boom, boom, boom], true); // of five and more, one stands for those between
  many.events.filter(({ start }) => start)[2].times = 198;
  assert.match(sentence(many, 6), /^counter was killed\. tally tried 201 times to start counter; each time init .* Then it gave up\./);
  assert.deepEqual(listTexts(many).slice(3), [`counter failed to start 201 times ${boom}`, "tally gives up 0 of 3 restarts left in 5 s"]);
  const below = failing(["its child till did not start: no_disk", "its child till did not start: no_disk"], true);
  assert.match(sentence(below, 6), /each time it failed: its child till did not start: no_disk, at tally\.py:7\. Then it gave up\./);
  const once = failing(["no_disk"], false, null);
  assert.equal(sentence(once, 6),
    "counter was killed. tally could not start counter: it failed: no_disk. The next start succeeded. "
      + "tally had 1 of 3 restarts left in 5 s.");
  const mixed = failing(["no_disk", "no_disk", "no_net"], true, null);
  assert.equal(sentence(mixed, 6), "counter was killed. tally tried twice to start counter; each time it failed: no_disk. "
    + "tally could not start counter: it failed: no_net. Then it gave up. "
    + "No supervisor on its node starts tally again.");
  assert.deepEqual(listTexts(mixed).slice(3), [
    "counter failed to start twice no_disk", "tally applies its strategy 0 of 3 restarts left in 5 s", "counter failed to start no_net",
    "tally gives up 0 of 3 restarts left in 5 s",
  ]);
});

test("other strategies are compared by their difference", () => {
  assert.deepEqual(others(ONE), ["one_for_all", "rest_for_one"]);
  assert.equal(ghostSentence(ONE, "one_for_all"), "one_for_all would also restart ledger and mailer.");
  assert.equal(ghostSentence(REST, "one_for_all"), "one_for_all would do the same here.");
  assert.equal(ghostSentence(REST, "one_for_one"), "one_for_one would not restart cart and mailer.");
});

test("measured durations read as in the sentences of the node", () => { // Regression: 130 s were 2 min here and 2 min 10 s there
  const measured = [0, 0.00042, 0.0042, 0.042, 0.123, 4.21, 5.02, 12, 35.77, 119.7, 130.2, 630, 3900, 7530, 180_000].map(elapsed);
  assert.deepEqual(measured.map((text) => text.replaceAll("\u00a0", " ")), ["0 s", "0.42 ms", "4.2 ms", "42 ms", "0.12 s", "4.2 s", "5 s",
    "12 s", "35.8 s", "2 min", "2 min 10 s", "10 min", "65 min", "2 h 6 min", "2 days 2 h"]);
});

const row = (key, more = {}) => ({
  key, parent: "shop", id: key.split("/").at(-1), name: null, pid: "0.9.0", kind: "worker", what: "", strategy: null, restart: "permanent",
  state: "running", last: null, budget: null, ...more,
});
const scene = (more = {}) => {
  const children = ["ledger", "cart", "mailer"].map((name) => row(`${SUP}/${name}`, more[name]));
  const budget = { used: 1, max: 3, window_s: 5, resets_at: 101, expires: [101], ...more.budget };
  return {
    supervisor: row(SUP, { kind: "supervisor", strategy: "rest_for_one", budget, ...more.supervisor }), children, victim: children[0],
  };
};

test("a picture at rest has the places of a restart that is played in it", () => {
  for (const [width, height] of [[960, 560], [700, 500], [390, 300]]) {
    const rest = layout(portrait(scene(), 100, -1), width, height);
    const played = layout({ ...REST, root: all(REST.root).find(({ id }) => id === SUP) }, width, height);
    for (const [id, { x, y, size }] of rest.places) {
      const same = played.places.get(id);
      assert.deepEqual([x, y, size], [same.x, same.y, same.size], `${id} at ${width}`);
    }
  }
});

test("a picture at rest shows what ended, and how far the limit has refilled", () => {
  const moment = portrait(
    scene({
      cart: { state: "crashed", pid: null, last: { at: 99, reason: "boom", crash: true } }, mailer: { state: "stopped", pid: null },
    }),
    100, -1);
  const { end } = schedule(moment), looks = lookAt(moment, end);
  assert.deepEqual(["ledger", "cart", "mailer"].map((name) => looks.get(`${SUP}/${name}`).state), ["running", "crashed", "stopped"]);
  assert.equal(looks.get(SUP).left, 2);
  assert.ok(Math.abs(looks.get(SUP).spent[0].refill - 0.8) < 0.01);
  assert.equal(lookAt(moment, end + 1100).get(SUP).spent[0].refill, 1);
  assert.equal(
    lookAt(portrait(scene({ supervisor: { state: "gave_up", pid: null, last: { at: 99, reason: "shutdown", crash: false } } }), 100, -1),
      end).get(SUP).state,
    "crashed");
});

test("a supervisor that allows very many restarts says how many; one without a limit has none", () => {
  const budget = { used: 0, max: 1_500, window_s: 5, expires: [101, 102] };
  const { limit, used, ages } = portrait(scene({ budget }), 100, -1).root;
  assert.deepEqual([limit, used, ages], [[1_500, 5], 0, []]);
  assert.equal(portrait(scene({ supervisor: { budget: null } }), 100, -1).root.limit, null);
});

test("of many children, the first and the one that can be killed are in the picture at rest", () => {
  const many = scene();
  many.children = Array.from({ length: 12 }, (_, place) => row(`${SUP}/c${place}`));
  many.victim = many.children[11];
  const { root } = portrait(many, 100, -1);
  assert.deepEqual(root.children.map(({ name }) => name), ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c11"]);
  assert.equal(root.more, 4);
});

test("a give-up is played in the branch of its supervisor alone", () => {
  const { root } = branchOf(GIVES_UP, SUP), before = GIVES_UP.root;
  assert.deepEqual(root.children.map(({ id }) => id), [SUP]);
  assert.equal(root.more, before.more + before.children.length - 1);
  assert.deepEqual(root.children[0].children, before.children.find(({ id }) => id === SUP).children);
  const plain = { ...REST, root: all(REST.root).find(({ id }) => id === SUP) };
  assert.deepEqual(branchOf(plain, SUP), plain);
});

test("the message in hand, the lost mailbox and the states stand beside the events, in this order, and only if known", () => {
  const facts = {
    what: "ledger was restarted", why: "ValueError('boom')", line: null, state_after: "0", state_before: "41",
    lost: "2 messages: 'a' and 'b'", handling: "the cast 'boom' that you sent from the page at 10:07:07",
  };
  assert.deepEqual(factsOf({ ...ONE, facts }), [
    ["Message in hand", facts.handling], ["Lost with it", facts.lost], ["State before", "41"], ["State after", "0"],
  ]);
  assert.deepEqual(factsOf({ ...ONE, facts: { ...facts, lost: null, handling: undefined, state_before: "", state_after: null } }), []);
  assert.deepEqual(factsOf({ ...ONE, facts: null }), []);
});

test("in a whole tree, a link is drawn from shape to shape; in rows, on the side without names", () => {
  const place = (x, y, size) => ({ x, y, size, align: "row", big: false, label: 60, card: null });
  const [a, b] = [place(74, 395, 0.66), place(48, 588, 0.66)], { points } = link(a, b, true, true);
  const near = (point, at) => assert.ok(Math.abs(Math.hypot(point[0] - at.x, point[1] - at.y) - 23 * at.size) < 2);
  near(points[0], a);
  near(points.at(-1), b);
  for (const [x, y] of points) assert.ok(x > 0 && x < a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
  const [c, d] = [place(100, 400, 1), place(400, 400, 1)], fan = link(c, d, false, true).points;
  near(fan[0], c);
  near(fan.at(-1), d);
});

test("a restart on request has no crash, and no supervisor spends a restart", () => {
  const root = supervisor("shop", "one_for_all", [worker("shop/a"), worker("shop/b")]);
  const start = { kind: "start", id: "shop/a", by: "shop", at: 0.1, pid: "0.9.0", state: null };
  const events = [{ kind: "stop", id: "shop/a", by: "shop", at: 0 }, start];
  const moment = { ...simulate(root, "shop/a"), events, request: "your request from the page (supervisor.restart_child)" };
  assert.equal(headline(moment), "a restarted");
  const stages = [0, 1, 2, 3, 4, 5, 6].map((stage) => sentence(moment, stage)), whole = stages[6];
  assert.equal(whole, "shop restarted a by your request from the page. That does not count against its restart limit.");
  assert.deepEqual(stages, ["Before: a runs.", whole, whole, whole, "shop stops a.", "shop starts a again.", whole]);
  const below = [{ ...events[0], id: "shop/a/x", by: "shop/a" }, ...events, { ...start, id: "shop/a/x", by: "shop/a" }];
  assert.equal(headline({ ...moment, events: below }), "a restarted"); // and not x
});

test("a stop on request says that nothing starts the child again; a supervisor that ends itself was not asked to", () => {
  const root = supervisor("shop", "one_for_all", [supervisor("shop/a", "one_for_one", [worker("shop/a/x")])]);
  const events = [{ kind: "stop", id: "shop/a/x", by: "shop/a", at: 0 }], start = { kind: "start", at: 0.1, pid: "0.9.0", state: null };
  const moment = { ...simulate(root, "shop/a"), events, request: "your request from the page (supervisor.terminate_child)" };
  assert.equal(headline(moment), "x stopped");
  assert.deepEqual([0, 4, 5, 6].map((stage) => sentence(moment, stage)), [
    "Before: x runs.", "a stops x.", "a does not start x again.",
    "a stopped x by your request from the page. A supervisor does not restart a child that it was asked to stop.",
  ]);
  const end = { kind: "crash", id: "shop/a", reason: "shutdown", crash: false, at: 0 };
  const starts = [{ ...start, id: "shop/a", by: "shop" }, { ...start, id: "shop/a/x", by: "shop/a" }];
  const ended = { ...moment, events: [...events, end, ...starts] };
  assert.equal(headline(ended), "a restarted");
  assert.deepEqual([sentence(ended, 0), sentence(ended, 1)], ["Before: a runs.", "a ends. Its state is lost."]);
});

test("restarts of the same child are said to be before or after this one", () => {
  const write = (/** @type {number} */ before) => othersText("ledger", { storm: 3, storm_before: before });
  assert.equal(write(3), "ledger was also restarted 3 times within the 20 s before this.");
  assert.equal(write(0), "ledger was also restarted 3 times within the 20 s after this.");
  assert.equal(write(1), "ledger was also restarted once within the 20 s before this, and twice within the 20 s after.");
});
