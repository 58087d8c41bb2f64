/**
 * A sandbox that the platform no longer has, but whose code and options this browser kept: it can run again.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { attribute, byId, write } from "../base/dom.js";
import { drafts, sources } from "./draft-note.js";
import { calm, check, editor, note, reportStart } from "./sandbox-bench.js";

/** @import { Options, Sandbox } from "./sandbox-words.js" */
/** @import { Drafts } from "./drafts.js" */

const page = byId("sandboxes", HTMLElement);
/** The sandbox whose absence is shown; "" for none. */ let shown = "";
/** @type {Drafts|null} */ let backups = null;
/** Its limits and other options; undefined if they are unknown. @type {Options|undefined} */ let options;
let starting = false;
/** @type {(made: Sandbox, source: string) => void} */ let made = () => {};

/**
 * @param {typeof made} onMade  gets a sandbox that runs again, and its source
 * @param {(id: string, source: string, options: Options|undefined) => void} onNew  begins a new sandbox with the code
 */
export function wireGone(onMade, onNew) {
  made = onMade;
  byId("run-again", HTMLButtonElement).onclick = () => void runAgain();
  byId("new-with", HTMLButtonElement).onclick = () => onNew(shown, editor.value, options);
  editor.addEventListener("input", () => {
    if (!shown) return;
    check.later();
    backups?.later(`sandbox:${shown}`, editor.value, 0, options);
  });
}

/**
 * Show that a sandbox is gone, with the code that this browser has of it.
 * @param {string} id
 * @param {boolean} here  the editor shows its code already
 */
export async function gone(id, here) {
  if (shown === id) return;
  shown = id;
  write(byId("gone-title", HTMLElement), `${id} is not here any more`);
  calm();
  check.clear();
  check.tell("");
  note.hide();
  const kept = await Promise.all([drafts(), sources()]).catch(() => null);
  if (shown !== id) return;
  backups = kept?.[1] ?? null;
  const source = backups?.find(`sandbox:${id}`);
  options = source?.options;
  write(byId("gone-kept", HTMLElement), `${options
    ? "This browser kept its code, limits and options. Both buttons use them."
    : "This browser kept only its code. Both buttons use the default limits."}`);
  const text = here ? editor.value : (kept?.[0].newest(`sandbox:${id}:`) ?? source)?.text;
  attribute(page, "data-code", text === undefined ? null : "kept");
  if (text === undefined) return;
  editor.value = text;
  editor.lock(false);
  backups?.later(`sandbox:${id}`, text, 0, options);
}

/** Leave the editor to another sandbox. */
export function leaveGone() {
  shown = "";
  attribute(page, "data-code", null);
}

/** Start a sandbox of the same name with the code in the editor. */
export async function runAgain() {
  if (starting || !page.dataset.code) return;
  starting = true;
  const source = editor.value;
  check.drop();
  reportStart();
  try {
    const one = await platform("POST", "/sandboxes", { ...(options ?? {}), sandbox_id: shown, source });
    check.tell("It runs again.", "ok");
    made(one, source);
    check.warn(one.warnings);
  } catch (error) {
    check.refused(error);
  } finally {
    starting = false;
  }
}
