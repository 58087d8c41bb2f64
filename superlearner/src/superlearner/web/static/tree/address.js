/**
 * The view of the tree in the URL, for links. Only this page's parameters are written; others stay as they are.
 *
 * @module
 */

/** Browsers limit the rate of URL changes. */
const PAUSE_MS = 200;
/** Some programs cut longer URLs: the last parameters are dropped. */
const LONGEST = 3000;

let timer = 0;

/** Return the parameters when the page was opened. */
export const asked = () => new URLSearchParams(location.search);

/**
 * Write parameters into the URL.
 * @param {readonly string[]} names  all parameters that may be written; missing ones are removed
 * @param {() => [string, string][]} told  the most important first
 * @param {string} [step]  the parameter whose changes are steps for Back
 */
export function tell(names, told, step) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const words = asked();
    const before = JSON.stringify([...words].filter(([name]) => names.includes(name)).sort());
    const at = step === undefined ? [] : words.getAll(step);
    if (before === JSON.stringify([...told()].sort())) return; // unchanged, apart from the order
    for (const name of names) words.delete(name);
    for (const [name, value] of told()) if (words.toString().length + value.length < LONGEST) words.append(name, value);
    const text = words.toString();
    const next = `${location.pathname}${text ? `?${text}` : ""}${location.hash}`;
    if (next === `${location.pathname}${location.search}${location.hash}`) return;
    if (step !== undefined && String(at) !== String(words.getAll(step))) history.pushState(null, "", next);
    else history.replaceState(history.state, "", next);
  }, PAUSE_MS);
}
