/**
 * The drafts of the user of this page, and the line below an editor that says what became of one.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { make } from "../base/dom.js";
import { time } from "../base/words.js";
import { Drafts } from "./drafts.js";

/** @typedef {import("./drafts.js").Draft} Draft */

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

/** @returns {Promise<Drafts>} */
async function load() {
  const who = await platform("GET", "/arsenal/whoami");
  const found = new Drafts(() => localStorage, who.credential ? who.user : "", tab());
  window.addEventListener("pagehide", () => found.flush());
  document.addEventListener("visibilitychange", () => document.hidden && found.flush());
  return found;
}

/** @type {Promise<Drafts>|null} */ let loading = null;

/** The drafts of this user; asked for again if the server did not answer. */
export function drafts() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

export class DraftNote {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
  }

  /** @param {string} words @param {string} [label] @param {() => void} [act] */
  say(words, label, act) {
    const button = label ? make("button", { type: "button", class: "btn quiet" }, label) : null;
    if (button && act) button.onclick = act;
    this.element.hidden = false;
    this.element.replaceChildren(make("span", {}, words), ...(button ? [" ", button] : []));
  }

  hide() {
    this.element.hidden = true;
    this.element.replaceChildren();
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
    });
  }
}
