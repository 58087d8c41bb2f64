/**
 * What was typed and not checked or sent yet, kept in this browser for the user of the page.
 *
 * A draft typed before a sign-in becomes the draft of the user who signs in, if they have none.
 *
 * @module
 */

const STORE = "superlearner.lesson";
const NOBODY = "anonymous";
/** Drafts that the browser does not keep last as long as the page. @type {Map<string, string>} */ const here = new Map();

const user = () => document.documentElement.dataset.user ?? "";
/** @param {string} of @param {string} who */
const key = (of, who = user()) => `${STORE}.${who}.${of}`;

/** Return a draft; null without. @param {string} of @returns {string|null} */
export function draft(of) {
  try {
    return here.get(of) ?? localStorage.getItem(key(of)) ?? localStorage.getItem(key(of, NOBODY));
  } catch {
    return here.get(of) ?? null; // storage may be forbidden
  }
}

/** Keep a draft, or drop it for null. @param {string} of @param {string|null} text */
export function keep(of, text) {
  here.delete(of);
  try {
    if (text === null) for (const who of [user(), NOBODY]) localStorage.removeItem(key(of, who));
    else localStorage.setItem(key(of), text);
  } catch {
    if (text !== null) here.set(of, text);
  }
}
