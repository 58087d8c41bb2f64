/**
 * Figures of a measurement as a table: a row for each name, a column for each thing that is compared.
 *
 * @module
 */

/** @typedef {Api.CourseFigure} Figure */

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

/** Return the figures as a table; a place without a figure is null. @param {Figure[]} figures */
export function tableOf(figures) {
  const columns = [...new Set(figures.map(({ of }) => of))], names = [...new Set(figures.map(({ name }) => name))];
  const find = (/** @type {string} */ name, /** @type {string} */ of) => figures.find((one) => one.name === name && one.of === of) ?? null;
  return { columns, rows: names.map((name) => ({ name, values: columns.map((of) => find(name, of)) })) };
}

/** Return a value as text, with its unit. @param {Figure} figure */
export const valueText = ({ value, unit }) => `${typeof value === "number" ? NUMBER.format(value) : value}${unit ? ` ${unit}` : ""}`;

/**
 * Return the length of a figure's bar, from 0 to 1; null without one: no number, or nothing to compare with.
 * @param {Figure} figure
 * @param {(Figure|null)[]} beside
 */
export function share({ value }, beside) {
  const numbers = beside.map((one) => one?.value);
  if (typeof value !== "number" || numbers.length < 2 || !numbers.every((one) => typeof one === "number" && one >= 0)) return null;
  const most = Math.max(...numbers.map(Number));
  return most ? value / most : 0;
}
