/**
 * The columns of /processes.
 *
 * @module
 */

import { attribute, chosen, icon, make, renew, reshape, root, write } from "../base/dom.js";
import { duration, number, processState } from "../base/words.js";

/** @import { Line } from "./process-list.js" */
/** @import { Column } from "../components/table-columns.js" */

/** @type {Record<string, string>} */
export const TYPES = { supervisor: "supervisor", genserver: "behaviour", worker: "function" };

/** Shape and colour of a state. @type {Record<string, string>} */
const LOOKS = { exiting: "restarting", suspended: "stopped", dead: "stopped" };

/** @param {Line} row */
export const lookOf = (row) => LOOKS[row.status] ?? (row.type === "supervisor" ? "supervisor" : "running");

/** Return the display name: registered name, child id, or class. @param {Line} row */
export const nameOf = (row) => row.name ?? row.child_id ?? row.what;

/** Return a URL for the same node. @param {string} path @param {Record<string, string>} asked */
export function address(path, asked) {
  const query = new URLSearchParams({ ...asked, ...(chosen() ? { node: chosen() } : {}) });
  return `${root()}${path}?${query}`;
}

/**
 * @param {{now: () => number, since: () => number|null, memory: Map<string, string>}} known
 * @returns {Column[]}
 */
export function columnsOf({ now, since, memory }) {
  /** @param {Line} row */
  const age = (row) => {
    if (row.started_at !== null) return duration(Math.max(0, now() - row.started_at));
    const first = since();
    return first === null ? "" : `> ${duration(Math.max(0, now() - first))}`;
  };
  return [
    {
      id: "name", label: "Name", width: 160, grow: 1, sort: "asc",
      hint: "The registered name; else the id in its supervisor, else the class", text: nameOf, draw: drawName,
    },
    {
      id: "pid", label: "Pid", width: 88, num: true, sort: "asc", hint: "Process id: younger processes have higher ones",
      text: (row) => row.pid,
    },
    {
      id: "what", label: "Class", width: 130, grow: 0.6, sort: "asc", hint: "Class of a behaviour, or the function that runs",
      text: (row) => row.what,
    },
    { id: "type", label: "Kind", width: 84, sort: "asc", shown: false, text: (row) => TYPES[row.type] ?? row.type },
    {
      id: "supervisor", label: "Supervisor", width: 130, grow: 0.5, sort: "asc", hint: "Who starts it again",
      text: (row) => row.supervisor_name ?? row.supervisor ?? "", draw: drawSupervisor,
    },
    { id: "status", label: "State", width: 76, sort: "asc", hint: "As the tree shows it", text: (row) => processState(row.status) },
    {
      id: "activity", label: "Activity", width: 84, sort: "", shown: false,
      hint: "What it does at this moment; a process without work is waiting", text: (row) => row.status,
    },
    {
      id: "mailbox", label: "Mailbox", width: 70, num: true, sort: "desc", hint: "Messages that wait until the process takes them",
      text: (row) => quiet(row.message_queue_len),
    },
    {
      id: "messages", label: "Messages/s", width: 86, num: true, sort: "desc",
      hint: "Messages taken in a second, in the mean of the last seconds. The runtime does not count them: "
        + "they are looked at for this page",
      text: (row) => rate(row.messages_per_s),
    },
    {
      id: "callback", label: "In callbacks", width: 92, num: true, sort: "desc",
      shown: matchMedia("(min-width: 1100px)").matches,
      hint: "Share of the time spent in callbacks, in the mean of the last seconds",
      text: (row) => (row.callback_percent ? `${row.callback_percent.toFixed(1)} %` : ""),
    },
    {
      id: "restarts", label: "Restarts", width: 68, num: true, sort: "desc",
      hint: "How often its supervisor restarted it after it ended by itself", text: (row) => quiet(row.restarts ?? 0),
    },
    {
      id: "age", label: "Age", width: 68, num: true, sort: "asc",
      hint: "Time since its start, within some seconds; “>” if it started before this page was opened", text: age,
    },
    {
      id: "current", label: "Current function", width: 190, grow: 0.8, sort: "", shown: false,
      hint: "Where a function waits, or the callback that is not through yet", text: (row) => row.current_function ?? "",
    },
    { id: "links", label: "Links", width: 52, num: true, sort: "desc", shown: false, text: (row) => quiet(row.links) },
    {
      id: "monitors", label: "Monitors", width: 72, num: true, sort: "desc", shown: false, hint: "Whom it monitors",
      text: (row) => quiet(row.monitors),
    },
    {
      id: "memory", label: "Memory", width: 84, num: true, sort: "", shown: false,
      hint: "An estimate that is made when you ask for it: menu of the row, “Measure memory”", text: (row) => memory.get(row.pid) ?? "",
    },
  ];
}

/** Return a number as text, and nothing for zero. @param {number} value */
const quiet = (value) => (value ? number(value) : "");

/** @param {number} value */
const rate = (value) => (value >= 100 ? number(Math.round(value)) : value ? value.toFixed(1) : "");

/** @param {HTMLElement} cell @param {Line} row */
function drawName(cell, row) {
  if (!cell.firstElementChild)
    cell.replaceChildren(icon("running", "glyph"), make("span", { class: "id" }), make("span", { class: "second" }),
      make("button", { type: "button", class: "more", tabindex: -1 }, icon("more")));
  const [glyph, name, second, more] = cell.children;
  if (glyph instanceof SVGSVGElement) reshape(glyph, lookOf(row));
  if (name instanceof HTMLElement) {
    write(name, nameOf(row));
    name.title = nameOf(row);
  }
  if (more) attribute(more, "aria-label", `Menu of ${nameOf(row)}`);
  const told = [row.pid, processState(row.status)];
  if (row.message_queue_len) told.push(`${number(row.message_queue_len)} waiting`);
  if (row.messages_per_s) told.push(`${rate(row.messages_per_s)}/s`);
  if (row.what !== nameOf(row)) told.push(row.what);
  if (second) renew(second, told.map((text) => make("span", {}, text))); // the second line on a phone
}

/** @param {HTMLElement} cell @param {Line} row */
function drawSupervisor(cell, row) {
  const text = row.supervisor_name ?? row.supervisor;
  if (text === null) return cell.replaceChildren();
  if (!cell.firstElementChild) cell.append(make("a", { tabindex: -1 }));
  const link = /** @type {HTMLAnchorElement} */ (cell.firstElementChild);
  write(link, text);
  link.title = `${text}: show in the tree`;
  const href = address("/supervisors", { process: row.supervisor ?? "" });
  if (link.getAttribute("href") !== href) link.setAttribute("href", href);
}
