/**
 * Actions on processes from their lines in the tree: end, start, several at once. The line shows at once that an
 * action is pending; answer and frames show the result.
 *
 * @module
 */

import { ApiError, kill, setSuspended, start } from "../base/api.js";
import { bulk } from "./bulk.js";
import { confirm } from "../base/confirm.js";
import { chosen } from "../base/dom.js";
import { label } from "../live/model.js";
import { confirmAsAdmin } from "../shell/admin.js";
import { isTop, questionBefore } from "./kill-words.js";
import { refused } from "../shell/only-reads.js";
import { complain, toast } from "../base/toast.js";

/** @import { Model, Row } from "../live/model.js" */

/**
 * Return the actions on a tree.
 * @param {import("./tree.js").SlTree} tree
 * @param {() => Model} known  returns the model that it shows
 * @param {() => string} on  returns the node that it shows
 */
export function actsOn(tree, known, on = chosen) {
  /**
   * End processes.
   * @param {string[]} keys
   * @param {{reason?: string, ask?: boolean}} [how]  `ask`: confirm several first
   */
  async function end(keys, { reason = "kill", ask = false } = {}) {
    if (refused()) return;
    const rows = keys.flatMap((key) => known().rows.get(key) ?? []).filter((row) => row.pid !== null);
    if (ask && rows.length > 1) {
      many("kill");
      return;
    }
    const asked = (/** @type {Row} */ row) => row.critical || (isTop(row, known()) && reason !== "normal");
    for (const row of rows) if (!asked(row)) void endOne(row, reason, false);
    for (const row of rows) if (asked(row) && (await sure(row, known(), on()))) void endOne(row, reason, row.critical);
  }

  /**
   * Perform an action on processes, by default on all selected ones.
   * @param {import("./bulk-plan.js").Action} action
   * @param {Iterable<string>} [keys]
   */
  function many(action, keys = tree.selected) {
    if (refused()) return;
    void bulk(known(), keys, action, {
      mark: (row, word) => tree.mark(row.key, word),
      answered: (row, refused) => tree.answered(row.key, refused),
    });
  }

  /** Start a stopped child. @param {string} key */
  async function begin(key) {
    if (refused()) return;
    const row = known().rows.get(key);
    const supervisor = known().rows.get(row?.parent ?? "")?.pid;
    if (!row || !supervisor) return;
    tree.mark(key, "starting…");
    await null; // sending a request takes the browser a millisecond, so update the line first
    try {
      await start(supervisor, row.id, on());
      tree.answered(key, false);
    } catch (error) {
      tree.answered(key, true);
      complain(error, `Start ${label(row)}`);
    }
  }

  /** Suspend a server, or let it go on. @param {string} key @param {"suspend"|"resume"} action */
  async function hold(key, action) {
    const row = known().rows.get(key);
    if (refused() || !row?.pid) return;
    tree.mark(key, action === "suspend" ? "suspending…" : "resuming…");
    await null; // see above
    try {
      await setSuspended(row.pid, action, on());
      tree.answered(key, false);
    } catch (error) {
      tree.answered(key, true);
      complain(error, `${action === "suspend" ? "Suspend" : "Resume"} ${label(row)}`);
    }
  }

  /** @param {Row} row @param {string} reason @param {boolean} force */
  async function endOne(row, reason, force) {
    tree.mark(row.key);
    await null; // see above
    try {
      const answer = await kill(row.pid ?? "", { reason, force, node: on() });
      if (answer?.terminated === false && reason === "normal")
        toast(`${label(row)} lives on.`, { hint: "An exit signal with reason normal ends no other process." });
      else if (answer?.terminated === false)
        toast(`${label(row)} traps exits and lives on.`, { hint: "The reason kill cannot be trapped." });
      tree.answered(row.key, answer?.terminated === false);
    } catch (error) {
      tree.answered(row.key, true);
      const last = row.parent === null && error instanceof ApiError && error.status === 0; // it took its server along
      if (!last && !(error instanceof ApiError && error.code === "process_not_found")) complain(error, `Kill ${label(row)}`);
    }
  }

  return { begin, end, hold, many };
}

/** Confirm the end of a critical process, or of a whole tree. @param {Row} row @param {Model} model @param {string} node */
function sure(row, model, node) {
  const { own } = document.documentElement.dataset; // the default node, if it is another one, is that of the user's program
  const kept = node === "" && Boolean(own) && model.node !== "" && model.node !== own;
  const { title, text, action, admin } = questionBefore(row, model, model.node || node, kept);
  return (admin ? confirmAsAdmin : confirm)(title, text, action);
}
