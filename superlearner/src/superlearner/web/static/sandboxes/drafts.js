/**
 * Drafts of sources, kept in this browser for the user who typed them: bounded in number, size and age.
 *
 * A draft typed before a sign-in has no user. It belongs to the user who then signs in in the same tab.
 *
 * @module
 */

/** @import { Options } from "./sandbox-words.js" */
/**
 * @typedef {{user: string, of: string, text: string, version: number, at: number, tab: string, options?: Options}}
 *   Draft  `options`: what else a sandbox needs to start as before
 */
/** @typedef {{getItem(key: string): string|null, setItem(key: string, value: string): void}} Store */

export const KEY = "superlearner.drafts";
/** The key of the last sources of sandboxes, which outlive them. */
export const SOURCES = "superlearner.sources";
export const MOST = 20;
export const MOST_TEXT = 200_000;
export const MOST_ALL = 1_000_000;
export const KEPT_MS = 30 * 86_400_000;

/** Return the stored drafts that are valid, newest first. @param {string|null} stored @param {number} now @returns {Draft[]} */
export function parsed(stored, now) {
  /** @type {unknown} */ let found;
  try {
    found = JSON.parse(stored ?? "[]");
  } catch {
    return [];
  }
  const valid = (/** @type {any} */ one) =>
    one !== null && typeof one === "object" && ["user", "of", "text", "tab"].every((name) => typeof one[name] === "string")
      && Number.isFinite(one.version) && Number.isFinite(one.at) && now - one.at < KEPT_MS; // the clock may have been set back
  return bounded(Array.isArray(found) ? found.filter(valid) : []);
}

/** Return the newest drafts that fit. @param {Draft[]} drafts */
export function bounded(drafts) {
  let left = MOST_ALL;
  return drafts.filter((one) => one.text.length <= MOST_TEXT)
    .toSorted((one, other) => other.at - one.at)
    .slice(0, MOST)
    .filter((one) => (left -= one.text.length) >= 0);
}

/**
 * Give the drafts that this tab has without a user to a user, who may have newer ones.
 * @param {Draft[]} drafts
 * @param {string} user
 * @param {string} tab
 */
export function adopted(drafts, user, tab) {
  if (!user) return drafts;
  const mine = drafts.map((one) => (one.user === "" && one.tab === tab ? { ...one, user } : one));
  return mine.filter((one, place) => mine.findIndex((other) => other.user === one.user && other.of === one.of) === place);
}

export class Drafts {
  /** @type {Draft[]} Drafts that the store refuses last as long as the page. */ #here = [];
  /** @type {{of: string, text: string|null, version: number, options: Options|undefined}|null} */ #pending = null;
  #timer = 0;

  /**
   * @param {() => Store} store  may throw: storage may be forbidden
   * @param {string} user  "" before a sign-in
   * @param {string} tab  the same after a reload of the tab
   * @param {() => number} now
   * @param {string} key  in the store
   */
  constructor(store, user, tab, now = Date.now, key = KEY) {
    this.store = store;
    this.user = user;
    this.tab = tab;
    this.now = now;
    this.key = key;
    const before = this.#all();
    const after = adopted(before, user, tab);
    if (JSON.stringify(after) !== JSON.stringify(before)) this.#write(after);
  }

  /** Return the draft of a source. @param {string} of */
  find(of) {
    this.flush();
    return this.#all().find((one) => one.user === this.user && one.of === of) ?? null;
  }

  /** Return the drafts whose source begins so, newest first. @param {string} begins */
  some(begins) {
    this.flush();
    return this.#all().filter((one) => one.user === this.user && one.of.startsWith(begins));
  }

  /** Return the newest draft whose source begins so. @param {string} begins */
  newest(begins) {
    return this.some(begins)[0] ?? null;
  }

  /**
   * Keep a text soon, or drop the draft for null.
   * @param {string} of
   * @param {string|null} text
   * @param {number} [version]
   * @param {Options} [options]
   */
  later(of, text, version = 0, options = undefined) {
    if (this.#pending && this.#pending.of !== of) this.flush();
    this.#pending = { of, text, version, options };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), 300);
  }

  /** Keep the text that waits, at once. */
  flush() {
    clearTimeout(this.#timer);
    const next = this.#pending;
    if (!next) return;
    this.#pending = null;
    const others = this.#all().filter((one) => one.user !== this.user || one.of !== next.of);
    const draft = next.text === null
      ? []
      : [{ user: this.user, of: next.of, text: next.text, version: next.version, at: this.now(), tab: this.tab, options: next.options }];
    this.#write(bounded([...draft, ...others]));
  }

  /** Drop the draft of a source. @param {string} of */
  drop(of) {
    this.later(of, null);
    this.flush();
  }

  #all() {
    try {
      return this.#here.length ? this.#here : parsed(this.store().getItem(this.key), this.now());
    } catch {
      return this.#here;
    }
  }

  /** @param {Draft[]} drafts */
  #write(drafts) {
    this.#here = [];
    for (let most = drafts.length; ; most = most >> 1) {
      try {
        return this.store().setItem(this.key, JSON.stringify(drafts.slice(0, most)));
      } catch {
        if (most === 0) break; // storage is forbidden, or full of something else
      }
    }
    this.#here = drafts;
  }
}
