/**
 * The sources of a picker's suggestions: routes that list processes, traces, recordings, …, and rows as choices.
 * Pure: no DOM.
 *
 * @module
 */

import { escaped, segment } from "./form-request.js";

/** @typedef {{value: string, text: string, note: string}} Choice  `value` is filled in; `text` and `note` describe it */
/** @typedef {{path: string, search?: string, on?: "platform", row: (row: any) => Choice}} Source */

/** @param {unknown} value */
const said = (value) => (value === null || value === undefined ? "" : String(value));

/** @param {...unknown} parts */
const note = (...parts) => parts.map(said).filter(Boolean).join(" · ");

/** @param {string} field @param {(row: any) => string} [words] @returns {(row: any) => Choice} */
const named = (field, words = () => "") => (row) => ({ value: said(row[field]), text: said(row[field]), note: words(row) });

/** Return a process as a choice, by name if that can be typed, since names survive restarts. @param {any} row @returns {Choice} */
const process = (row) => {
  const name = said(row.name);
  const typed = /^[^0-9<#\s/][^\s/]{0,99}$/.test(name) ? name : "";
  return {
    value: typed || row.pid, text: name || said(row.what),
    note: note(row.pid, name ? row.what : "", row.status === "running" || row.status === "waiting" ? "" : row.status),
  };
};

/** @type {Record<string, Source>} */
const SOURCES = {
  process: { path: "/processes?per_page=30&sort=name", search: "search", row: process },
  supervisor: { path: "/processes?per_page=30&sort=name&type=supervisor", search: "search", row: process },
  child: {
    path: "/supervisors/{name}/children?per_page=200",
    row: (row) => ({ value: row.id, text: row.id, note: note(row.pid, row.what, row.alive ? "" : "does not run") }),
  },
  application: { path: "/applications?per_page=200", row: named("name", (row) => said(row.status ?? row.state)) },
  module: {
    path: "/code/modules?per_page=500",
    row: named("module", (row) => note(`${row.servers} servers`, row.platform ? "of the platform" : "")),
  },
  registry: { path: "/registries", row: named("name", (row) => note(`${row.keys} keys`, `${row.entries} entries`)) },
  setting: { path: "/settings", on: "platform", row: named("name", (row) => said(row.description ?? row.source)) },
  recording: {
    path: "/recordings?per_page=200", on: "platform",
    row: named("name", (row) => note(row.recording ? "is being recorded" : "", row.events === null ? "" : `${row.events} events`)),
  },
  name: {
    path: "/registry/processes?per_page=30", search: "search",
    row: (row) => ({ value: row.name, text: row.name, note: said(row.pid) }),
  },
  trace: {
    path: "/traces?per_page=100",
    row: named("trace_id", (row) =>
      note(row.names?.join(", ") || row.supervisor, `${row.messages} messages`, row.tracing ? "runs" : "ended")),
  },
  user: { path: "/users?per_page=200", on: "platform", row: named("name", (row) => note(row.role)) },
  token: { path: "/tokens?per_page=200", on: "platform", row: named("name", (row) => note(row.scopes?.join(", "), row.user)) },
  backup: { path: "/processes/{pid}/state/backups?per_page=100", row: named("id", (row) => note(row.label, row.why, row.at)) },
  simulation: { path: "/simulations", row: named("id", (row) => said(row.words)) },
  sandbox: { path: "/sandboxes?per_page=200", on: "platform", row: named("id", (row) => note(row.status, row.owner, row.reason)) },
  operation: { path: "/arsenal/operations", row: named("name", (row) => said(row.summary)) },
  page: { path: "/docs/pages", on: "platform", row: named("page", (row) => said(row.title)) },
};

/**
 * Return the request for a picker's choices; undefined if there is none, or if another value is needed first.
 * @param {string} kind
 * @param {(name: string) => string} valueOf  of another field
 * @param {string} typed
 * @returns {{path: string, platform: boolean, needs: string}|undefined}
 */
export function sourceOf(kind, valueOf, typed) {
  const source = SOURCES[kind];
  if (!source) return undefined;
  let needs = "";
  let path = source.path.replace(/\{(\w+)\}/g, (_, name) => {
    const value = valueOf(name);
    if (!value) needs = name;
    return segment(value);
  });
  if (source.search && typed) path += `&${source.search}=${escaped(typed)}`;
  return { path, platform: source.on === "platform", needs };
}

/**
 * Return the rows of an answer that match the input as choices.
 * @param {string} kind
 * @param {unknown} data
 * @param {string} typed
 * @returns {Choice[]}
 */
export function choicesOf(kind, data, typed) {
  const source = SOURCES[kind];
  if (!source || !Array.isArray(data)) return [];
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return data.map(source.row)
    .filter(({ value, text, note }) =>
      value && (source.search ? true : words.every((word) => `${value} ${text} ${note}`.toLowerCase().includes(word))));
}
