/**
 * Actions on processes in the list, all through operations.
 *
 * @module
 */

import { kill, request } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { copy } from "../base/copying.js";
import { confirmAsAdmin } from "../shell/admin.js";
import { refused } from "../shell/only-reads.js";
import { nameOf } from "./process-columns.js";
import { complain, toast } from "../base/toast.js";
import { counted, number, size } from "../base/words.js";

/** @import { Line } from "./process-list.js" */

const MOST = 1000;

/** @param {Line} row */
export async function end(row) {
  if (refused()) return;
  const name = nameOf(row);
  if (row.critical
    && !(await confirmAsAdmin(`Kill ${name}?`,
      `${name} is a process of the platform itself; this page may lose its connection for a moment, or for good.`,
      `Kill ${name}`)))
    return;
  const top = row.type === "supervisor" && !row.supervisor && !row.critical;
  if (top
    && !(await confirm(`End the whole tree of ${name}?`,
      `All below ${name} end with it. It has no supervisor, so nothing starts them again.`,
      `Kill ${name}`)))
    return;
  try {
    const answer = await kill(row.pid, { force: row.critical });
    toast(answer?.terminated === false ? `${name} lives on.` : `${name} was killed.`,
      { hint: answer?.terminated === false ? "" : afterwards(row) });
  } catch (error) {
    complain(error, `Kill ${name}`);
  }
}

/** @param {Line} row */
const afterwards = (row) => (row.supervisor
  ? `Its supervisor ${row.supervisor_name ?? row.supervisor} decides whether it starts again.`
  : "It has no supervisor, so nothing starts it again.");

/**
 * Ends many processes after a confirmation; returns whether it did.
 * @param {string[]} pids
 * @param {Line[]} known  those on the screen
 */
export async function endAll(pids, known) {
  if (refused()) return false;
  const needed = new Set(known.filter((row) => row.critical).map((row) => row.pid));
  const left = pids.filter((pid) => !needed.has(pid)).slice(0, MOST);
  const names = known.filter((row) => !needed.has(row.pid)).slice(0, 12).map(nameOf).join(", ");
  const more = left.length > 12 ? ` and ${number(left.length - 12)} more` : "";
  const spared = needed.size ? ` ${counted(needed.size, "process", "processes")} that the platform needs will be spared.` : "";
  if (!left.length) {
    toast("Nothing was killed.", { hint: "The platform needs all of these: kill them one by one if you must." });
    return false;
  }
  const many = counted(left.length, "process", "processes");
  if (!(await confirm(`Kill ${many}?`,
    `${names}${more}.${spared} Supervisors restart those that are permanent or transient.`,
    `Kill ${many}`)))
    return false;
  try {
    const { results } = await request("POST", "/processes/bulk", { action: "kill", pids: left });
    const refused = results.filter((/** @type {any} */ one) => !one.ok && one.error?.code !== "process_not_found");
    toast(`${number(results.length - refused.length)} of ${number(results.length)} were killed.`, {
      hint: refused[0] ? `${refused[0].pid}: ${refused[0].error?.message ?? "it trapped the signal, and lives"}` : "",
      level: refused.length ? "bad" : "info",
    });
    return true;
  } catch (error) {
    complain(error, `Kill ${many}`);
    return false;
  }
}

/** Return the memory of a process in words. @param {Line} row */
export async function measured(row) {
  try {
    const use = await request("GET", `/processes/${encodeURIComponent(row.pid)}/memory`);
    return use.total === null ? "unknown" : `${use.complete ? "" : "≥ "}${size(use.total)}`;
  } catch (error) {
    complain(error, `Measure ${nameOf(row)}`);
    return "";
  }
}

/** Copy a text and show whether that worked. @param {string} text @param {string} what */
export async function copied(text, what) {
  if (await copy(text)) toast(`${what} copied.`);
  else toast(`${what} could not be copied.`, { hint: text, level: "bad" });
}
