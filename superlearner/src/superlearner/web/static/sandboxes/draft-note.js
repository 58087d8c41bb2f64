/**
 * The drafts of the user of this page, and the line below an editor that says what became of one.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { make } from "../base/dom.js";
import { time } from "../base/words.js";
import { Drafts, KEY, SOURCES } from "./drafts.js";

/** @import { Draft } from "./drafts.js" */

const TAB = "superlearner.tab";

/** Return a name of this tab that a reload and a sign-in keep. */
function tab() {
  try {
    const name = sessionStorage.getItem(TAB) ?? crypto.randomUUID();
    sessionStorage.setItem(TAB, name);
    return name;
  } catch {
    return ""; // storage may be forbidden
  }
}

/** @typedef {{drafts: Drafts, sources: Drafts}} Kept */

/** @returns {Promise<Kept>} */
async function load() {
  const who = await platform("GET", "/arsenal/whoami"), user = who.credential ? who.user : "";
  const of = (/** @type {string} */ key) => new Drafts(() => localStorage, user, tab(), Date.now, key);
  const drafts = of(KEY), sources = of(SOURCES);
  const flush = () => [drafts, sources].forEach((one) => one.flush());
  window.addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => document.hidden && flush());
  return { drafts, sources };
}

/** @type {Promise<Kept>|null} */ let loading = null;

/** What this browser keeps for this user; asked for again if the server did not answer. */
function kept() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Return the drafts of this user. */
export const drafts = async () => (await kept()).drafts;

/** Return the last sources of the sandboxes of this user, by `sandbox:ID`. */
export const sources = async () => (await kept()).sources;

export class DraftNote {
  /** Whether the note is about a restored draft: it is then removed at the next edit or run. */
  #passing = false;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
  }

  /** @param {string} words @param {string} [label] @param {() => void} [act] */
  say(words, label, act) {
    const button = label ? make("button", { type: "button", class: "btn quiet" }, label) : null;
    if (button && act) button.onclick = act;
    this.#passing = false;
    this.element.hidden = false;
    this.element.replaceChildren(make("span", {}, words), ...(button ? [" ", button] : []));
  }

  /**
   * Let the user switch between the running code and their own edits.
   * @param {string} words @param {string} theirs @param {string} mine @param {(text: string) => void} put
   */
  choose(words, theirs, mine, put) {
    this.say(words, "Show the running code", () => {
      put(theirs);
      this.say("This is the running code.", "Back to your edits", () => {
        put(mine);
        this.choose(words, theirs, mine, put);
      });
    });
  }

  hide() {
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  /** Hide a note about a restored draft, as the text was edited or runs. */
  pass() {
    if (this.#passing) this.hide();
  }

  /**
   * Say that a draft was restored, with a button that discards it, and then with one that brings it back.
   * @param {Draft} draft @param {string} more @param {() => void} discard @param {(draft: Draft) => void} restore
   */
  restored(draft, more, discard, restore) {
    this.say(`Your draft of ${time(draft.at / 1000)} was restored${more}.`, "Discard", () => {
      discard();
      this.say("The draft was discarded.", "Undo", () => {
        restore(draft);
        this.restored(draft, more, discard, restore);
      });
      this.#passing = true;
    });
    this.#passing = true;
  }
}
