// Figures of a measurement: a table of what is compared, and bars.

import assert from "node:assert/strict";
import { test } from "node:test";

import { share, tableOf, valueText } from "#static/lesson/figures.js";

const figure = (name, value, of = "", unit = "") => ({ name, value, unit, of });

test("figures of one name are a row, and what they are about are columns", () => {
  const [a, b, c] = [figure("lines", 161, "by hand"), figure("lines", 35, "with OTP"), figure("names", 92, "by hand")];
  assert.deepEqual(tableOf([a, b, c]), {
    columns: ["by hand", "with OTP"],
    rows: [{ name: "lines", values: [a, b] }, { name: "names", values: [c, null] }],
  });
});

test("a value has its unit, and a number its thousands", () => {
  assert.deepEqual([figure("", 36_000), figure("", 0.4, "", "s"), figure("", "gives up")].map(valueText), ["36,000", "0.4 s", "gives up"]);
});

test("a bar is as long as its part of the largest number beside it", () => {
  const row = [figure("", 5), figure("", 20), figure("", 0)];
  assert.deepEqual(row.map((one) => share(one, row)), [0.25, 1, 0]);
  assert.equal(share(row[0], [row[0], figure("", "none")]), null);
  assert.equal(share(row[0], [row[0]]), null);
});
