/**
 * The sections of the detail pane, built from known data. Unknown data is left out or marked.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { pips } from "../base/marks.js";
import { budgetAt, label } from "../live/model.js";
import { has } from "./process-tabs.js";
import {
  budgetText, counted, duration, MEANINGS, number, RESTARTS, sentence, size, STRATEGIES, time, UNLIMITED, unlimited, windowText,
} from "../base/words.js";

/** @import { Row } from "../live/model.js" */
/** @typedef {Record<string, any>} Info */
/** @typedef {string|{pid?: string|null, name?: string|null, what?: string|null}} Party */
/** @typedef {(pid: string) => Row|undefined} Find */
/** @typedef {Api.OpenWait} OpenWait */

/** @param {string} title @param {...(Node|null)} content */
const section = (title, ...content) => make("section", {}, make("h3", {}, title), ...content);

/** @param {[string, Node|string|null][]} rows */
const list = (rows) => make("dl", {}, ...rows.flatMap(([name, value]) =>
  value === null || value === "" ? [] : [make("dt", {}, name), make("dd", {}, value)]));

/**
 * Return a link to a process with its name in the tree; plain text if it is not in the tree.
 * @param {Party} party
 * @param {Find} find
 */
export function link(party, find) {
  const { pid = null, name = null, what = null } = typeof party === "string" ? { pid: party } : party;
  const row = pid ? find(pid) : undefined;
  if (row) return make("button", { type: "button", class: "link", "data-goto": pid, title: pid }, label(row));
  return make("span", { title: "not in the tree" }, name ?? ([what, pid].filter(Boolean).join(" ") || "unknown"));
}

/**
 * @param {Row} row
 * @param {number} now
 */
export function budgetSection(row, now) {
  if (!row.budget && (row.kind !== "supervisor" || row.pid === null)) return null;
  if (!row.budget || unlimited(row.budget)) {
    const limit = row.budget ? budgetText(row.budget.max, row.budget) : UNLIMITED;
    return section("Restarts left", make("p", { class: "hint" }, sentence(limit)));
  }
  const { left, next } = budgetAt(row.budget, now);
  const count = make("p", {
    class: "bu big", "data-left": left, "data-level": left === 0 ? "none" : left < row.budget.max ? "some" : "all",
  },
    pips(left, row.budget.max), budgetText(left, row.budget));
  const meaning = row.pid === null ? "The count begins again at its next start." : left === 0 && next !== null
    ? `One more crash within ${duration(next - now)} and it gives up.`
    : next !== null ? `The next one comes back in ${duration(next - now)}.`
      : `It gives up when more than ${number(row.budget.max)} restarts are needed${windowText(row.budget.window_s)}.`;
  return section("Restarts left", count, make("p", { class: "hint" }, meaning));
}

/** @param {Row} row */
export function strategySection(row) {
  if (!row.strategy || !STRATEGIES[row.strategy]) return null;
  const title = has("strategy", row) ? opener("Strategy", "strategy", "Change it") : make("h3", {}, "Strategy");
  return make("section", {}, title, make("p", { class: "hint" }, make("b", {}, row.strategy), `. ${STRATEGIES[row.strategy]}`));
}

/**
 * @param {Row} row
 * @param {Info|null} info
 * @param {Find} find
 */
export function facts(row, info, find) {
  const name = row.name ?? info?.registered_name ?? null;
  return section("Process", list([
    ["Registered name", name],
    ["Child id", row.name !== null && row.name !== row.id ? row.id : null],
    ["Supervisor", info?.parent ? link(info.parent, find) : null],
    ["Restart", row.restart ? RESTARTS[row.restart] ?? row.restart : null],
    ["Restarts", row.restarts ? counted(row.restarts, "restart") : row.restarted_along ? "none of its own" : "never restarted"],
    ["With siblings", row.restarted_along
      ? `restarted ${counted(row.restarted_along, row.restarts ? "more time" : "time")} with a sibling` : null],
    ["Started", typeof info?.started_at === "number" ? time(info.started_at) : null],
    ["Memory", memoryText(info?.use) ?? (typeof info?.memory === "number" ? size(info.memory) : null)],
    ["Traps exits", info?.trap_exit === true ? "yes" : null],
    ["Kill", row.critical ? "needed by the platform: asks first" : null],
    ["Now in", info?.current_call ? make("code", {}, info.current_call) : null],
  ]));
}

/** Return an estimate of the bytes of state, mailbox and dictionary. @param {Info|null|undefined} use */
function memoryText(use) {
  if (typeof use?.total !== "number") return use ? `${size(use.mailbox + use.dictionary)} in mailbox and dictionary` : null;
  const parts = [["state", use.state], ["mailbox", use.mailbox], ["dictionary", use.dictionary]].filter(([, bytes]) => bytes > 1000);
  return `${use.complete ? "about" : "more than"} `
    + `${size(use.total)}${parts.length > 1 ? `: ${parts.map(([name, bytes]) => `${name} ${size(bytes)}`).join(", ")}` : ""}`;
}

/** @param {Info|null} info @param {Find} find */
export function ancestors(info, find) {
  /** @type {Party[]} */
  const chain = info?.ancestors ?? [];
  if (!chain.length) return null;
  return section("Ancestors", make("p", { class: "chain" }, ...chain.flatMap((one, index) => [index ? " ‹ " : null, link(one, find)])));
}

/** Return a title with a button that opens a deeper part. @param {string} title @param {string} part @param {string} words */
export const opener = (title, part, words) =>
  make("div", { class: "head" }, make("h3", {}, title), make("button", { type: "button", class: "link", "data-part": part }, words));

/**
 * @param {Row} row
 * @param {Info|null} info
 */
export function stateSection(row, info) {
  if (row.kind === "supervisor") return null; // the tree shows a supervisor's bookkeeping
  const text = info?.state ?? null;
  const note = info?.state_note ?? null;
  if (note === null && text === null) return null;
  return make("section", {}, opener("State", "state", "Open state"),
    note !== null ? make("p", { class: "hint" }, String(note)) : make("pre", { tabindex: 0, "aria-label": "State" }, String(text)));
}

/**
 * @param {Row} row
 * @param {Info|null} info
 */
export function mailboxSection(row, info) {
  if (row.pid === null) return null;
  const waiting = row.mailbox ?? 0;
  const text = row.mailbox === null ? "Unknown."
    : waiting ? `${counted(waiting, "message")} ${waiting === 1 ? "waits" : "wait"}.`
    : "Empty.";
  return make("section", {}, opener("Mailbox", "mailbox", "Open mailbox"),
    make("p", { class: "count", title: MEANINGS.mailbox }, text,
      make("button", { type: "button", class: "link", "data-part": "messages" }, "Watch messages")),
    info?.messages?.length
      ? make("ol", { class: "terms" }, ...info.messages.map((/** @type {unknown} */ one) => make("li", {}, String(one))))
      : null);
}

/**
 * Return the current waits, from `process.ties`.
 * @param {{waits_for: OpenWait|null, waited_for_by: OpenWait[]}|null} told
 * @param {Find} find
 */
export function waitSection(told, find) {
  if (!told?.waits_for && !told?.waited_for_by?.length) return null;
  const line = (/** @type {OpenWait} */ one, /** @type {boolean} */ out) => make("li", {}, out ? "Waits for " : "", link(one, find),
    out ? (one.kind === "call" ? " to answer" : " to have started")
      : one.kind === "call" ? " waits for its answer"
      : " waits for its start",
    ...(one.request ? [" to ", make("code", {}, one.request)] : []));
  return section("Waiting", make("ul", { class: "waits" },
    ...(told.waits_for ? [line(told.waits_for, true)] : []), ...told.waited_for_by.slice(0, 10).map((one) => line(one, false)),
    told.waited_for_by.length > 10 ? make("li", { class: "hint" }, `and ${number(told.waited_for_by.length - 10)} more`) : null));
}
