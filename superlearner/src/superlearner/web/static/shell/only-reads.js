/**
 * Read-only nodes, whose service permits no changes: controls for changes are disabled and say why.
 *
 * @module
 */

import { attribute } from "../base/dom.js";
import { toast } from "../base/toast.js";

export const WHY = "The service lets you read and change nothing. Whoever runs it can permit more: permissions=(\"read\", \"operate\").";
export const HIDES_CODE = "The service lets you neither read nor change code. Whoever runs it can permit it: "
  + "permissions=(\"read\", \"operate\", \"code\").";
/** Controls that change something. Those that only show, close or copy lack `.btn` or are quiet. */
const ACTS = ".kill, .several .btn:not(.quiet), sl-process .btn:not(.quiet, .copyable *), .btn.danger, [data-change]";

/** Return whether the service of the shown node is read-only. */
export const onlyReads = () => document.documentElement.hasAttribute("data-only-reads");

/** Return whether the service of the shown node lets no one read or change its code. */
export const hidesCode = () => document.documentElement.hasAttribute("data-hides-code");

/** Return whether changes are refused, and show that. */
export function refused() {
  if (onlyReads()) toast("Nothing can be changed here.", { hint: WHY, level: "bad" });
  return onlyReads();
}

/** Disable present and future controls that change something. */
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
  new MutationObserver(later).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["disabled", "class"],
  });
  disable();
}
