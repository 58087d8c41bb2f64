/**
 * Processes of the platform itself: changing one takes the scope `admin`, and a confirmation that names it.
 *
 * @module
 */

import { command } from "../base/commands.js";
import { confirm } from "../base/confirm.js";
import { toast } from "../base/toast.js";

/** Return whether the visitor lacks the scope `admin`. */
const lacksAdmin = () => document.documentElement.hasAttribute("data-no-admin");

/**
 * Confirm the change of a process of the platform; a visitor who may not is told who may.
 * @param {string} title
 * @param {string} text
 * @param {string} action  the label of the confirming button
 * @returns {Promise<boolean>}
 */
export async function confirmAsAdmin(title, text, action) {
  if (!lacksAdmin()) return confirm(title, text, action);
  toast("Only the owner can end a process of the platform itself.",
    { hint: `Sign in with what \`${command("token")}\` prints on the machine of the platform.`, level: "bad" });
  return false;
}
