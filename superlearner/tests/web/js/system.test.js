// What the system page works out: its model, trends, CSV, the lines of the log, the arithmetic of its charts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { csv } from "#static/base/save.js";
import { runs, summary, ticks, timeTicks, withUnit } from "#static/components/chart-scale.js";
import { chosenLines, take } from "#static/system/log-lines.js";
import { calm, column, isBefore, madeBeside, reduce, withStored } from "#static/system/system-model.js";
import { watchedText } from "#static/system/talk-model.js";
import { tooFew, trends } from "#static/system/system-trends.js";

const NOON = 1_800_000_000;

test("frames make the model, and a missing one asks for a snapshot", () => {
  const first = {
    k: "s", seq: 4, epoch: "e", interval: 2, columns: ["at", "seconds", "restarts"], points: [[100, 2, 0], [200, 2, 4], [202, 2, null]],
    gaps: [1], anomalies: [], ended: [],
  };
  const next = { k: "d", seq: 5, interval: 1, point: [3750, 2, 1], gap: true, anomalies: [{}], ended: [] };
  const one = reduce(null, first);
  const two = reduce(one, next);
  assert.deepEqual(one.gaps, [false, true, false]);
  assert.deepEqual(column(one, "restarts", { perS: true }), [0, 2, null]);
  assert.deepEqual([two.points.length, two.gaps, two.interval], [3, [true, false, true], 1]);
  assert.equal(reduce(two, { ...next, seq: 7 }), null);
  assert.equal(reduce(null, next), null);
});

test("a trend is reported only when it stands out of the noise", () => {
  const trend = (values) => {
    const at = values.map((_, place) => 10 + place);
    const memory = { title: "Memory", unit: "bytes", times: { at, gap: [] }, series: [{ name: "Memory", values }] };
    return trends([memory], 10, 9 + values.length).map(({ rises, from, to, perMinute }) =>
      [rises, ...[from, to, perMinute].map(Math.round)]);
  };
  const hundred = (value) => Array.from({ length: 100 }, (_, place) => value(place));
  const rising = hundred((place) => 100 + 2 * place + (place % 3));
  assert.deepEqual(trend(rising), [[true, 103, 298, 118]]);
  assert.equal(trend([...rising].reverse())[0][0], false);
  assert.deepEqual(trend(rising.slice(0, 8)), []);
  assert.deepEqual(trend(hundred((place) => 100 + 40 * (place % 2))), []);
  assert.deepEqual(trend(hundred((place) => (place === 99 ? 5000 : 0))), []);
  assert.deepEqual(trend(hundred(() => null)), []);
});

test("a trend begins and ends with values that were there", () => { // Regression: memory that grew at last rose from 0 B
  const at = Array.from({ length: 40 }, (_, place) => place), values = at.map((place) => 50 + place ** 2);
  const [found] = trends([{ title: "Memory", unit: "bytes", times: { at, gap: [] }, series: [{ name: "Memory", values }] }], 0, 39);
  assert.deepEqual([found.from, found.to], [51, 50 + 38 ** 2]); // Regression: it ended at 208 MB beside a value of 387 MB
});

test("a trend that is over says for how long", () => { // Regression: a curve flat for 90 s still rose 29.7 MB a minute
  const at = Array.from({ length: 150 }, (_, place) => 2 * place);
  const trend = (values) => {
    const [found] = trends([{ title: "Memory", unit: "bytes", times: { at, gap: [] }, series: [{ name: "Memory", values }] }], 0, 298);
    return [found.rises, found.steady, found.seconds, Math.round(found.perMinute)];
  };
  assert.deepEqual(trend(at.map((one) => 50 + Math.min(one, 208))), [true, 100, 198, 62]);
  assert.deepEqual(trend(at.map((one) => 50 + one)).slice(0, 2), [true, 0]);
});

test("too little data for a trend is told apart from no trend", () => {
  const few = (seconds, values) => {
    const times = { at: values.map((_, place) => place * seconds), gap: [] };
    const memory = { title: "Memory", unit: "bytes", times, series: [{ name: "Memory", values }] };
    const to = (values.length - 1) * seconds;
    return [tooFew([memory], 0, to), trends([memory], 0, to).length];
  };
  const rising = Array.from({ length: 20 }, (_, place) => 100 + 10 * place);
  assert.deepEqual(few(1, rising), [true, 0]);
  assert.deepEqual(few(2, rising), [false, 1]);
  assert.deepEqual(few(60, rising.slice(0, 11)), [true, 0]);
  assert.deepEqual(few(2, rising.map(() => 5)), [false, 0]);
  assert.equal(tooFew([], 0, 60), true);
});

test("CSV is safe to open in a spreadsheet", () => {
  const told = csv(["a", "b"], [{ a: "=1+1", b: 'say "x",\ny' }, { a: -2, b: null }, { a: { c: 1 }, b: true }]);
  assert.equal(told, 'a,b\r\n\'=1+1,"say ""x"",\ny"\r\n-2,\r\n"{""c"":1}",true\r\n');
});

test("lines of the log are taken once and chosen by level, process, words and time", () => {
  const line = (...told) => [told[0], ...told, null, false];
  const sold = line(1, "info", "shop", "Sold", "0.7.0", "till", "sup");
  const broke = line(2, "error", "shop", "broke", "0.8.0", null, "sup");
  const late = line(3, "warning", "shop", "late", "0.7.0", "till", "sup");
  const lines = take(take([], { k: "s", lines: [sold, broke] }), { k: "d", lines: [broke, late] });
  const chosen = (wanted) =>
    chosenLines(lines, { level: "debug", words: "", process: "", from: null, to: null, ...wanted }).map(({ number }) => number);
  assert.deepEqual(chosen({}), [1, 2, 3]);
  assert.deepEqual(chosen({ level: "warning" }), [2, 3]);
  assert.deepEqual(chosen({ words: "SOLD" }), [1]);
  assert.deepEqual(chosen({ process: "till" }), [1, 3]);
  assert.deepEqual(chosen({ process: "<0.8.0>" }), [2]);
  assert.deepEqual(chosen({ from: 2, to: 2 }), [2]);
});

test("ticks are round and reach the greatest value", () => {
  assert.deepEqual(ticks(0.83, 3, "ms"), [0, 0.5, 1]);
  assert.deepEqual(ticks(61e6, 3, "bytes"), [0, 25e6, 50e6, 75e6]);
  assert.deepEqual(ticks(3, 3, "count"), [0, 1, 2, 3]);
  assert.deepEqual(ticks(0, 3, "count"), [0, 1]);
  assert.deepEqual(timeTicks(NOON, NOON + 60, 6), [0, 10, 20, 30, 40, 50, 60].map((one) => NOON + one));
});

test("numbers are shown with their unit", () => {
  const told = [
    [0.4123, "ms"], [1500, "ms"], [34_200_000, "bytes"], [0.5, "per_s"], [12345, "count"], [null, "ms"], [2048, "bytes_per_s"],
    [99.94, "percent"],
  ];
  assert.deepEqual(told.map(([value, unit]) => withUnit(value, unit)),
    ["0.41 ms", "1.5 s", "34.2 MB", "0.5/s", "12,345", "–", "2.05 kB/s", "99.9 %"]);
});

test("thinning loses no peak, and a gap stays a gap", () => {
  const at = Array.from({ length: 3600 }, (_, one) => one);
  const values = at.map(() => 1);
  [values[1234], values[1235], values[2000]] = [90, 0, null];
  const found = runs({ at, gap: at.map((one) => one === 500) }, values, 0, 3599, 300);
  assert.deepEqual(found.map((part) => part[0]), [0, 500, 2001]);
  assert.deepEqual(found.map((part) => part.at(-1)), [499, 1999, 3599]);
  const places = found.flat();
  assert.ok(places.includes(1234) && places.includes(1235) && !places.includes(2000));
  assert.ok(places.length <= 4 * 302);
  assert.deepEqual(places, [...places].sort((one, other) => one - other));
});

test("percentiles are those of what is shown", () => {
  assert.deepEqual(summary({ at: [0, 1, 2, 3, 4], gap: [] }, [900, 1, null, 3, 900], 1, 3),
    { count: 2, least: 1, most: 3, p50: 1, p99: 3 });
  assert.equal(summary({ at: [0], gap: [] }, [1], 5, 6), null);
});

test("an anomaly that comes back is not listed as over, and one that ends again stands once", () => {
  const frame = (seq, anomalies, ended) => ({ k: "d", seq, interval: 1, point: [100 + seq, 1], gap: false, anomalies, ended });
  const one = { number: 1 }, other = { number: 2 };
  let model = reduce(null, {
    k: "s", seq: 0, epoch: "e", interval: 1, columns: ["at", "seconds"], points: [], gaps: [], anomalies: [one], ended: [other],
  });
  model = reduce(model, frame(1, [], [one]));
  assert.deepEqual(model.ended.map(({ number }) => number), [2, 1]);
  model = reduce(model, frame(2, [one], []));
  assert.deepEqual(model.ended.map(({ number }) => number), [2]);
  model = reduce(reduce(model, frame(3, [], [one])), frame(4, [], [{ ...one }]));
  assert.deepEqual(model.ended.map(({ number }) => number), [2, 1]);
});

test("the stored anomalies of earlier attachments are listed before those of the feed, each once", () => {
  const one = (number, since, more = {}) => ({ number, type: "long_callback", since, name: "till", pid: "0.7.0", active: false, ...more });
  const old = one(1, "2026-01-01T10:00:00Z"), again = one(1, "2026-01-01T11:00:00Z");
  const now = one(2, "2026-01-01T12:00:00Z", { active: true });
  const listed = withStored({ anomalies: [now], ended: [again] }, [now, { ...now, active: false }, again, old]);
  assert.deepEqual(listed.map(({ since }) => since.slice(11, 13)), ["10", "11"]);
  assert.equal(new Set(listed.map(({ number }) => number)).size, 2, "the numbers of another attachment are others");
});

test("a node without problems names the repairs of the last ten minutes", () => {
  const of = (...points) => ({ columns: ["at", "restarts", "give_ups"], points });
  assert.equal(calm(null).text, "Nothing is wrong.");
  assert.deepEqual(calm(null, 1), { text: "Nothing is wrong now. Supervisors made 1 restart since the node started.", repaired: true });
  assert.deepEqual(calm(of([100, 5, 1], [900, 0, 0])), { text: "Nothing is wrong.", repaired: false });
  assert.deepEqual(calm(of([100, 5, 1], [800, 1, 0], [900, 0, 0])),
    { text: "Nothing is wrong now. Supervisors made 1 restart in the last 10 minutes.", repaired: true });
  assert.equal(calm(of([100, 0, 0], [800, 3, 2]), 1).text,
    "Nothing is wrong now. Supervisors made 4 restarts in the last 10 minutes, and 2 gave up.");
});

test("a node that is observed for less than ten minutes counts from then on, and does not deny the restarts of before", () => {
  const at = (hour, minute) => new Date().setHours(hour, minute, 5, 0) / 1000, begun = at(19, 31);
  const of = (...points) => ({ columns: ["at", "restarts", "give_ups", "seconds"], points });
  const fresh = of([begun + 5, 0, 0, 5], [begun + 10, 1, 0, 5]), quiet = of([begun + 5, 0, 0, 5]);
  const since = "since 19:31, when SuperLearner began to observe the node";
  assert.equal(calm(fresh, 0, false, 1).text, `Nothing is wrong now. Supervisors made 1 restart ${since}.`);
  assert.deepEqual([at(19, 30), at(19, 10), begun + 7].map((one) => isBefore(quiet, { at: one })), [true, false, false]);
  assert.ok(!isBefore(of([at(18, 0), 0, 0, 5], [begun, 0, 0, 5]), { at: at(17, 59) }));
  assert.deepEqual(calm(quiet, 0, true),
    { repaired: true, text: `Nothing is wrong now. Supervisors made no restarts ${since}; earlier ones are stored.` });
});

test("a service that ran before it was attached: the sentence has all restarts that the header counts", () => {
  const begun = new Date().setHours(19, 31, 5, 0) / 1000;
  const found = { columns: ["at", "restarts", "give_ups", "seconds"], points: [[begun + 5, 0, 0, 5], [begun + 10, 1, 0, 5]] };
  const since = "since 19:31, when SuperLearner began to observe the node";
  assert.equal(calm(found, 1, true, 1226).text, `Nothing is wrong now. Supervisors made 2 restarts ${since}; 1,224 before that.`);
});

test("the sentence names its node and counts the restarts of others that are listed beside it", () => {
  const restart = { node: "depot", at: 950, count: 2 }, incident = { node: "depot", at: 900, incident: true };
  const stored = /** @type {any} */ ([restart, incident, { node: null, at: 940 }]);
  assert.equal(madeBeside("shop", stored.slice(1), 1000, false), null);
  const beside = madeBeside("shop", stored, 1000, true);
  assert.deepEqual(beside, { node: "shop", restarts: 2, more: true });
  assert.equal(calm(null, 0, false, 0, beside).text, "Nothing is wrong now. Supervisors of shop made no restarts "
    + "since the node started; those of other nodes at least 2 in the last 10 minutes.");
});

test("messages are watched for a minute: until then, their count is that of the time so far", () => {
  const found = { seconds: 1.2, seen: 0, unseen: 0, share: 1, watched: 9, processes: 9 };
  assert.equal(watchedText(found), "0 messages in 1.2\u00a0s so far");
  assert.equal(watchedText({ ...found, seconds: 60, seen: 500, unseen: 500, share: 0.5, processes: 10 }),
    "1,000 messages in the last minute; the picture is a sample: 500 of them, about 1 in 2; 9 of 10 processes are watched");
});
