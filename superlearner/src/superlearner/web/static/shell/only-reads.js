/**
 * A node whose service lets nobody change anything: what would is disabled and says why, instead of being refused later.
 *
 * @module
 */

import { attribute } from "../base/dom.js";
import { toast } from "../base/toast.js";

export const WHY = "The service lets you read and change nothing. Whoever runs it can permit more: permissions=(\"read\", \"operate\").";
/** What changes something: ends, starts, sends, replaces. What only shows, closes or copies is no `.btn`, or quiet. */
const ACTS = ".kill, .several .btn:not(.quiet), sl-process .btn:not(.quiet, .copyable *), .btn.danger, [data-change]";

/** Whether the service of the node that the page shows only lets read. */
export const onlyReads = () => document.documentElement.hasAttribute("data-only-reads");

/** Whether something is not done, because nothing may be changed; says so. */
export function refused() {
  if (onlyReads()) toast("Nothing can be changed here.", { hint: WHY, level: "bad" });
  return onlyReads();
}

/** Disables what changes something, now and whenever there is more of it. */
export function disableActs() {
  let due = false;
  const disable = () => {
    due = false;
    for (const button of document.querySelectorAll(`:is(${ACTS}):not([disabled])`)) {
      attribute(button, "disabled", true);
      attribute(button, "title", WHY);
    }
  };
  const later = () => {
    if (!due) requestAnimationFrame(disable);
    due = true;
  };
  new MutationObserver(later).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled", "class"] });
  disable();
}
