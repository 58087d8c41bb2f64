/**
 * The reader's position in a tour, stored per tab, and the finished tours, stored in the browser. Without storage, a
 * tour lasts as long as its page.
 *
 * @module
 */

/**
 * `home`: the node that the tour is about, "" for the default one; `over`: all steps are done; `after`: the id of the
 * newest known event of `node`; `ticked`: whether the step is done, and `said` by which event.
 * @typedef {{tour: string, home: string, step: number, after: string, node: string, ticked: boolean, said: string,
 *   small: boolean, over: boolean}} Place
 */

const PLACE = "superlearner.tour";
const DONE = "superlearner.learned";

/** @param {() => Storage} where @param {string} key @returns {unknown} */
function read(where, key) {
  try {
    return JSON.parse(where().getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {() => Storage} where @param {string} key @param {unknown} value */
function keep(where, key, value) {
  try {
    if (value === null) where().removeItem(key);
    else where().setItem(key, JSON.stringify(value));
  } catch {
    // storage is unavailable
  }
}

/** @param {string} tour @param {string} [home] @returns {Place} */
export const beginning = (tour, home = "") => ({
  tour, home, step: 0, after: "", node: "", ticked: false, said: "", small: false, over: false,
});

/** @returns {Place|null} */
export function place() {
  const found = /** @type {Partial<Place>|null} */ (read(() => sessionStorage, PLACE));
  return found && typeof found === "object" && typeof found.tour === "string" && Number.isInteger(found.step)
    ? { ...beginning(found.tour), ...found }
    : null;
}

/** @param {Place|null} next  null to end the tour */
export const setPlace = (next) => keep(() => sessionStorage, PLACE, next);

/** Return the tour in the URL; "" for none. */
export const askedFor = () => new URLSearchParams(location.search).get("tour") ?? "";

/** Return whether a tour is in progress or requested. */
export const touring = () => askedFor() !== "" || place() !== null;

/** Return the number of finished steps of each tour. @returns {Record<string, number>} */
export function learned() {
  const found = read(() => localStorage, DONE);
  return Object.fromEntries(Object.entries(found && typeof found === "object" ? found : {}).filter(([, count]) => Number.isInteger(count)));
}

/** Record the first steps of a tour as done. @param {string} tour @param {number} steps */
export function learn(tour, steps) {
  const before = learned();
  keep(() => localStorage, DONE, { ...before, [tour]: Math.max(before[tour] ?? 0, steps) });
}

/** Delete all progress. */
export const forget = () => keep(() => localStorage, DONE, null);
