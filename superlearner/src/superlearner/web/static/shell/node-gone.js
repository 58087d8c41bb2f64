/**
 * The note under the header for a node that is gone: the reason, and how to continue. An ended sandbox can be
 * restarted from it; the sandbox's page has its code and events.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { chosen, make, onlyOwn, renew, root, spoken } from "../base/dom.js";
import { complain } from "../base/toast.js";

/** @import { Sandbox } from "../sandboxes/sandbox-words.js" */

/** Return whether the page shows the default node of a visitor with nothing but their own things: any page starts it. */
const ownHome = () => chosen() === "" && onlyOwn();

/** The reason of a member that ended in order: no error. */
export const LEFT = "it left the cluster";

/** How the reason begins if a service was detached on request: it may still run. */
const DETACHED = "it was detached";

/** The reasons that the platform gives for a lost member. */
const LOST = new Set([
  "it was silent for too long", "its connection was lost, as when its program ends or is stopped", "its failure was simulated",
]);

/** The reason of a member that was disconnected on purpose. */
export const DISCONNECTED = "it was disconnected";

/** Return whether this is the reason for a lost member. @param {string|undefined} why */
export const isLost = (why = "") => LOST.has(why) || why.startsWith("its program has ended");

/** The reasons of a service that does not answer although its process exists. */
const SILENT = /^it has been busy for | has held the event loop since |^its process \d+ has been stopped by a signal/;

/** Return one word for why a node is no longer shown. @param {string|undefined} why */
export const nameAbsence = (why) => (why?.startsWith(DETACHED) ? "detached" : why === LEFT ? "left" : isLost(why) ? "lost"
  : SILENT.test(why ?? "") ? "silent" : "gone");

/** Return what the note says of a node before the reason. @param {string|undefined} why */
export function absenceWords(why) {
  const word = nameAbsence(why);
  return word === "detached" ? " is no longer observed: " : word === "silent" ? " is not answering: "
    : word === "lost" ? " is lost: " : " is gone: ";
}

/** Number of the latest note: late answers for earlier ones are ignored. */
let told = 0;

/** Return the sandbox of this node; null if it is none, or was destroyed. @param {string} node @returns {Promise<Sandbox|null>} */
async function sandboxOf(node) {
  if (!node.startsWith("sandbox-")) return null;
  const all = /** @type {Sandbox[]} */ (await platform("GET", "/sandboxes?per_page=200").catch(() => []));
  return all.find((one) => one.node === node) ?? null;
}

/**
 * @param {HTMLElement} note  the element of the note
 * @param {string} node
 * @param {string|undefined} why
 * @param {HTMLElement[]} ways  links to the other nodes
 */
export async function showNodeGone(note, node, why, ways) {
  const mine = (told += 1);
  const one = await sandboxOf(node);
  if (mine !== told) return;
  if (!one && ownHome()) {
    const start = make("button", { type: "button", class: "btn" }, "Start it");
    start.onclick = () => location.reload();
    renew(note, [make("span", {}, "Your home, the sandbox with the demo, does not run. This page shows its last state."), start]);
    note.hidden = false;
    return;
  }
  renew(note,
    one
      ? words(one, ways.slice(0, 1))
      : [
        make("span", {}, "The node ", make("b", {}, node),
          absenceWords(why),
          ...spoken(why ?? "it has ended, or the platform no longer observes it"), ". What you see is how it was. Go to"),
        ...ways,
      ]);
  const again = note.querySelector("button");
  if (one && again) again.onclick = () => void startAgain(again, one.id);
  note.hidden = false;
}

/** Remove the note. */
export function dropNodeGone() {
  told += 1;
}

/** Activate the button on the page for an ended sandbox. */
export function wireAgain() {
  const again = document.querySelector("main.error [data-sandbox]");
  if (again instanceof HTMLButtonElement)
    again.onclick = () => void startAgain(again, again.dataset["sandbox"] ?? "").then((started) => started && location.reload());
}

/** @param {Sandbox} one @param {HTMLElement[]} ways */
function words(one, ways) {
  const ended = one.status === "ended";
  const said = ended ? ` has ended: ${one.reason ?? "the reason is unknown"}. The page shows its last state.`
    : one.status === "starting" ? " is being started again."
    : " is being stopped.";
  return [
    make("span", {}, "The sandbox ", make("b", {}, one.id), said),
    ...(ended ? [make("button", { type: "button", class: "btn" }, "Start it again")] : []),
    make("a", { class: "plain", href: `${root()}/sandboxes?sandbox=${encodeURIComponent(one.id)}` }, "Its code and what happened"),
    ...(ways.length ? [make("span", {}, "or go to ", ...ways)] : []),
  ];
}

/** Start a sandbox; return whether that worked. @param {HTMLButtonElement} button @param {string} id */
async function startAgain(button, id) {
  button.disabled = true;
  try {
    await platform("POST", `/sandboxes/${encodeURIComponent(id)}/restart`, {});
    return true;
  } catch (error) {
    complain(error, `Start ${id}`);
    button.disabled = false;
    return false;
  }
}
