/**
 * An action on many processes: a dialog shows the expected effects by supervisor, then the progress, with a button to
 * stop, then results and errors.
 *
 * @module
 */

import { ApiError, kill, request } from "../base/api.js";
import { ACTIONS, childOf, names, outcome, plan } from "./bulk-plan.js";
import { byId, make, renew, write } from "../base/dom.js";
import { label } from "../live/model.js";
import { toast } from "../base/toast.js";
import { counted, number } from "../base/words.js";

/** @import { Action, Group, Step } from "./bulk-plan.js" */
/** @import { Model, Row } from "../live/model.js" */

/** Concurrent requests. */
const AT_ONCE = 6;
/** Children per request, so that the action can be stopped in between. */
const CHUNK = 20;
/** Supervisors beyond this number share one line. */
const MOST_TOLD = 12;
const MOST_FAILURES = 50;

/** @typedef {{mark: (row: Row, word: string) => void, answered: (row: Row, refused: boolean) => void}} Lines */

/**
 * Confirm, perform and report an action.
 * @param {Model} model
 * @param {Iterable<string>} keys
 * @param {Action} action
 * @param {Lines} lines  the displayed lines
 */
export async function bulk(model, keys, action, lines) {
  const { groups, count, left } = plan(model, keys, action);
  const { verb, done } = ACTIONS[action];
  if (!count) {
    toast(`Nothing to ${action}.`, { hint: left.length ? `${label(/** @type {{row: Row}} */ (left[0]).row)}: ${left[0]?.why}.` : "" });
    return;
  }
  const dialog = byId("bulk", HTMLDialogElement), run = byId("bulk-do", HTMLButtonElement), stop = byId("bulk-stop", HTMLButtonElement);
  const progress = byId("bulk-progress", HTMLProgressElement), said = byId("bulk-said", HTMLElement), list = byId("bulk-list", HTMLElement);
  const failures = byId("bulk-failures", HTMLElement);
  const rows = groups.flatMap((group) => group.rows);
  write(byId("bulk-title", HTMLElement), `${verb} ${counted(count, "process", "processes")}?`);
  write(byId("bulk-names", HTMLElement), names(rows));
  write(byId("bulk-left", HTMLElement),
    left.length
      ? `Left out: ${[...new Set(left.map(({ row, why }) => `${label(row).slice(0, 60)} (${why})`))]
        .slice(0, 5)
        .join(", ")}${left.length > 5 ? ` and ${number(left.length - 5)} more` : ""}.`
      : "");
  write(run, `${verb} ${counted(count, "process", "processes")}`);
  write(said, "Looking up what would happen…");
  write(stop, "Cancel");
  renew(list, []);
  renew(failures, []);
  progress.hidden = true;
  run.hidden = false;
  run.disabled = true;
  const abort = new AbortController();
  dialog.showModal();
  const closed = new Promise((resolve) => (dialog.onclose = () => {
    if (dialog.open) return; // the close event of the previous question comes late
    abort.abort();
    resolve(false);
  }));
  const told = await Promise.race([predictions(groups.slice(0, MOST_TOLD), action, abort.signal), closed]);
  if (!told || !dialog.open) return;
  renew(list, lists(groups, action, /** @type {(Step|null)[]} */ (told)));
  write(said, "");
  run.disabled = false;
  run.focus();
  const sure = await Promise.race([new Promise((resolve) => (run.onclick = () => resolve(true))), closed]);
  if (!sure) return;
  run.hidden = true;
  write(stop, "Stop");
  progress.hidden = false;
  progress.max = count;
  const result = await perform(groups, action, lines, abort.signal, (at) => {
    progress.value = at;
    write(said, `${number(at)} of ${number(count)}`);
  });
  const words = `${done} ${counted(result.done, "process", "processes")}${result.failed.length
    ? `, ${number(result.failed.length)} failed`
    : ""}${abort.signal.aborted ? `, stopped before ${number(count - result.done - result.failed.length)} more` : ""}.`;
  if (!dialog.open || !result.failed.length) {
    dialog.close();
    toast(words, result.failed[0] ? { hint: result.failed[0].why } : {});
    return;
  }
  progress.hidden = true;
  renew(list, []);
  write(said, words);
  renew(failures, result.failed.slice(0, MOST_FAILURES).map(({ row, why }) => make("li", {}, make("b", {}, label(row)), ` ${why}`)));
  write(stop, "Close");
}

/** @param {Group[]} groups @param {Action} action @param {(Step|null)[]} told */
function lists(groups, action, told) {
  const lines = groups.slice(0, MOST_TOLD).map((group, at) => {
    const { text, level } = outcome(group, action, told[at] ?? null);
    return make("li", { "data-level": level }, text);
  });
  const rest = groups.slice(MOST_TOLD);
  if (rest.length)
    lines.push(
      make("li", {},
        `The same for ${counted(rest.reduce((sum, group) => sum + group.rows.length, 0), "process", "processes")} of `
          + `${counted(rest.length, "more supervisor", "more supervisors")}, each by its strategy.`));
  return lines;
}

/**
 * Requests predictions for the first child of each group; null where there is none.
 * @param {Group[]} groups
 * @param {Action} action
 * @param {AbortSignal} signal
 * @returns {Promise<(Step|null)[]>}
 */
function predictions(groups, action, signal) {
  return Promise.all(groups.map(async ({ supervisor, rows: [first] }) => {
    if (action !== "kill" || !supervisor?.pid || !first) return null;
    try {
      const path =
        `/supervisors/${encodeURIComponent(
          supervisor.pid)}/children/${encodeURIComponent(childOf(supervisor, first))}/predict?reason=killed`;
      return /** @type {Step|null} */ ((await request("GET", path, undefined, signal)).steps[0] ?? null);
    } catch {
      return null; // the action works without a prediction
    }
  }));
}

/**
 * @param {Group[]} groups
 * @param {Action} action
 * @param {Lines} lines
 * @param {AbortSignal} signal  aborts before the next request
 * @param {(at: number) => void} tell
 * @returns {Promise<{done: number, failed: {row: Row, why: string}[]}>}
 */
async function perform(groups, action, lines, signal, tell) {
  const word = { kill: "killing…", restart: "restarting…", terminate: "stopping…" }[action];
  /** @type {{supervisor: Row|null, rows: Row[]}[]} */
  const work = groups.flatMap(({ supervisor, rows }) => {
    const size = action === "kill" ? 1 : CHUNK;
    return Array.from({ length: Math.ceil(rows.length / size) },
      (_, at) => ({ supervisor, rows: rows.slice(at * size, at * size + size) }));
  });
  /** @type {{row: Row, why: string}[]} */
  const failed = [];
  let done = 0, next = 0;
  const worker = async () => {
    for (let one = work[next++]; one && !signal.aborted; one = work[next++]) {
      for (const row of one.rows) lines.mark(row, word);
      for (const { row, why } of await attempt(one.supervisor, one.rows, action)) {
        lines.answered(row, why !== "");
        if (why) failed.push({ row, why });
        else done += 1;
      }
      tell(done + failed.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { done, failed };
}

/** @param {Row|null} supervisor @param {Row[]} rows @param {Action} action @returns {Promise<{row: Row, why: string}[]>} */
async function attempt(supervisor, rows, action) {
  try {
    if (action === "kill") {
      const answer = await kill(rows[0]?.pid ?? "", {});
      return rows.map((row) => ({ row, why: answer?.terminated === false ? "lives on" : "" }));
    }
    const body = { action, children: rows.map((row) => childOf(supervisor, row)) };
    const { results } = await request("POST", `/supervisors/${encodeURIComponent(supervisor?.pid ?? "")}/children/bulk`, body);
    return rows.map((row, at) => ({ row, why: results[at]?.ok ? "" : results[at]?.message ?? "no answer" }));
  } catch (error) {
    const gone = action === "kill" && error instanceof ApiError && error.code === "process_not_found"; // already ended
    return rows.map((row) => ({ row, why: gone ? "" : error instanceof ApiError ? error.words : String(error) }));
  }
}
