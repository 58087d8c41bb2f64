/**
 * The address says what is to be seen, so that a link shows the same. Only the words of the page are written, the
 * others stay as they are.
 *
 * @module
 */

/** Browsers take it amiss when the address changes all the time. */
const PAUSE_MS = 200;
/** An address that is longer is cut by some who pass it on: what comes last is left out. */
const LONGEST = 3000;

let timer = 0;

/** What the address asked for when the page was opened. */
export const asked = () => new URLSearchParams(location.search);

/**
 * Writes into the address.
 * @param {readonly string[]} names  of all that may be written; those not told go
 * @param {() => [string, string][]} told  the most important first
 * @param {string} [step]  the name among them whose change is a step that Back undoes
 */
export function tell(names, told, step) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const words = asked();
    const before = JSON.stringify([...words].filter(([name]) => names.includes(name)).sort());
    const at = step === undefined ? [] : words.getAll(step);
    if (before === JSON.stringify([...told()].sort())) return; // it says so already, in whatever order
    for (const name of names) words.delete(name);
    for (const [name, value] of told()) if (words.toString().length + value.length < LONGEST) words.append(name, value);
    const text = words.toString();
    const next = `${location.pathname}${text ? `?${text}` : ""}${location.hash}`;
    if (next === `${location.pathname}${location.search}${location.hash}`) return;
    if (step !== undefined && String(at) !== String(words.getAll(step))) history.pushState(null, "", next);
    else history.replaceState(history.state, "", next);
  }, PAUSE_MS);
}
