/**
 * The view of the page /processes in its URL and as a query to the server. Pure.
 *
 * @module
 */

import { isPin } from "./process-list.js";

/**
 * @typedef {object} View
 * @property {string} search
 * @property {string} type
 * @property {string} status
 * @property {string} what
 * @property {string} mailbox
 * @property {string} supervised  "yes", "no" or ""
 * @property {string} below
 * @property {string} whose  "platform": the platform's own, "all": those, too; "" are the user's
 * @property {string} sort  a column; a leading `-` reverses the order
 * @property {string[]|null} columns  null: the default
 * @property {string[]|null} pins  null: those stored in this browser
 */

/** Filters besides the search; "" is no filter. */
export const FILTERS = /** @type {const} */ (["type", "status", "what", "mailbox", "supervised", "below"]);
/** The default order, which surprises least. */
const USUAL = "pid";
const MOST_PINS = 20;
/** Columns that require measuring messages. */
const WORKING = ["messages", "callback"];

/** @param {URLSearchParams} query @returns {View} */
export function viewOf(query) {
  const text = (/** @type {string} */ name) => (query.get(name) ?? "").slice(0, 200);
  const columns = query.get("columns");
  const process = searchOf(text("process"));
  const pins = query.getAll("pin").filter(isPin).slice(0, MOST_PINS);
  return {
    search: text("search") || process, type: text("type"), status: text("status"), what: text("what"),
    mailbox: /^\d{1,9}$/.test(text("mailbox")) ? text("mailbox") : "",
    supervised: ["yes", "no"].includes(text("supervised")) ? text("supervised") : "", below: text("below"),
    whose: ["platform", "all"].includes(text("whose")) ? text("whose") : process && "all",
    sort: /^-?[a-z]+$/.test(text("sort")) ? text("sort") : USUAL, columns: columns === null ? null : columns.split(",").filter(Boolean),
    pins: pins.length ? pins : null,
  };
}

/** Return the search for a process as the URL of the tree names it: by pid, name, or place, as `shop/till`. @param {string} text */
function searchOf(text) {
  const bare = text.replace(/^#PID|[<>]/g, "");
  return /^\d+\.\d+\.\d+$/.test(bare) ? `<${bare}>` : bare.slice(bare.lastIndexOf("/") + 1);
}

/**
 * Return the URL of a view without defaults; other parameters are kept.
 * @param {View} view
 * @param {URLSearchParams} before
 */
export function addressOf(view, before) {
  const query = new URLSearchParams(before);
  for (const name of /** @type {const} */ (["search", "whose", ...FILTERS])) put(query, name, view[name]);
  put(query, "sort", view.sort === USUAL ? "" : view.sort);
  if (view.columns) query.set("columns", view.columns.join(","));
  else query.delete("columns");
  query.delete("process"); // it is a search now
  query.delete("pin");
  for (const pin of view.pins ?? []) query.append("pin", pin);
  return query;
}

/** @param {URLSearchParams} query @param {string} name @param {string} value */
function put(query, name, value) {
  if (value) query.set(name, value);
  else query.delete(name);
}

/**
 * Return the query for the live feed.
 * @param {View} view
 * @param {{first: number, end: number}} part
 * @param {{pins: string[], hold: boolean, columns: string[]}} more  the visible columns
 * @returns {Record<string, string>}
 */
export function askOf(view, part, { pins, hold, columns }) {
  /** @type {Record<string, string>} */
  const query = { sort: view.sort, offset: String(part.first), count: String(Math.max(1, Math.min(200, part.end - part.first))) };
  for (const name of /** @type {const} */ (["search", "whose", ...FILTERS])) if (view[name]) query[name] = view[name];
  if (pins.length) query.pins = JSON.stringify(pins);
  if (hold) query.hold = "yes";
  if ([...columns, view.sort.replace("-", "")].some((id) => WORKING.includes(id))) query.work = "yes";
  return query;
}

/** Return the number of active filters. @param {View} view */
export const filtersOf = (view) => FILTERS.filter((name) => view[name]).length;

/**
 * Return a view without filters.
 * @param {View} view
 * @returns {View}
 */
export const unfiltered = (view) => ({ ...view, search: "", type: "", status: "", what: "", mailbox: "", supervised: "", below: "" });
