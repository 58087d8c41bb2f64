/**
 * The sources of the command palette's items: the page, and the server once it answers.
 *
 * @module
 */

import { ApiError, platform, request, requestOn } from "../base/api.js";
import { chosen, root } from "../base/dom.js";
import { time } from "../base/words.js";
import { whyAddress } from "../base/process-link.js";
import { storedText, timeOf } from "../live/storms.js";
import { WORDS } from "./page-words.js";
import { pages } from "./nav.js";
import { here, nodes } from "./nodes.js";
import { processItem, restartItem, wordsOfRestarts } from "./palette-items.js";

/** @import { Item } from "./palette-items.js" */

/** Number of processes in one request; others are found by searching on the server. */
const PROCESSES = 300;

/** Number of restarts that are searched. */
const RESTARTS = 50;

/** Number of processes of each other node, and of other nodes that are searched. */
const PROCESSES_ELSEWHERE = 20, NODES_ELSEWHERE = 8;

/**
 * Return the URL of a page, with the shown node or another one.
 * @param {string} path
 * @param {Record<string, string>} asked
 * @param {string} [node]
 */
function at(path, asked, node = chosen()) {
  const all = new URLSearchParams({ ...asked, ...(node ? { node } : {}) });
  return `${location.origin}${root()}${path}?${all}`;
}

/** Return the items that need no server. @returns {Item[]} */
export function fromPage() {
  const known = pages();
  const names = nodes();
  return [
    ...known.map(({ id, label, href, letter }) =>
      ({ id: `page:${id}`, group: "Pages", icon: "page", text: label, more: letter ? `g ${letter}` : "", also: WORDS[id] ?? "", href })),
    ...(names.length > 1
      ? names.map((name, place) => ({
        id: `node:${name}`, group: "Nodes", icon: "node", text: name, more: "show this node", also: "node switch",
        href: here(place ? name : ""),
      }))
      : []),
    {
      id: "act:theme", group: "This page", icon: "theme", text: "Switch the theme", more: "light or dark", also: "dark light colours",
      act: "theme",
    },
    {
      id: "act:help", group: "This page", icon: "help", text: "Help", more: "shapes, words, keys", also: "shortcuts keyboard legend",
      act: "keys-open",
    },
  ];
}

/**
 * Return processes of the shown node.
 * @param {string} question
 * @param {AbortSignal} signal
 * @returns {Promise<Item[]>}
 */
export async function processes(question, signal) {
  const found = await request("GET",
    `/processes?per_page=${PROCESSES}&search=${encodeURIComponent(question.slice(0, 200))}`,
    undefined, signal);
  return found.map((/** @type {Record<string, any>} */ one) =>
    processItem(one, chosen(), at("/supervisors", { process: one.name ?? one.pid })));
}

/**
 * Return processes of the other nodes that answer.
 * @param {string} question
 * @param {AbortSignal} signal
 * @returns {Promise<Item[]>}
 */
export async function processesElsewhere(question, signal) {
  const [first = "", ...others] = nodes(), shown = chosen() || first;
  const path = `/processes?per_page=${PROCESSES_ELSEWHERE}&search=${encodeURIComponent(question.slice(0, 200))}`;
  const asked = [first, ...others].filter((name) => name && name !== shown).slice(0, NODES_ELSEWHERE).map(async (name) => {
    const node = name === first ? "" : name, found = await requestOn(node, "GET", path, undefined, signal);
    return found.map((/** @type {Record<string, any>} */ one) =>
      processItem(one, node, at("/supervisors", { process: one.name ?? one.pid }, node), name));
  });
  const answers = await Promise.allSettled(asked);
  signal.throwIfAborted();
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : [])); // a node that is gone has none
}

/**
 * Return the scopes that the reader has on the shown node.
 * @param {AbortSignal} signal
 * @returns {Promise<string[]>}
 */
export const rights = async (signal) => (await request("GET", "/arsenal/whoami", undefined, signal)).may ?? [];

/**
 * Return supervisors with strategy and budget, for commands.
 * @param {string} question
 * @param {AbortSignal} signal
 * @returns {Promise<import("./palette-commands.js").Supervisor[]>}
 */
export const supervisors = (question, signal) =>
  request("GET", `/supervisors?whose=all&per_page=${PROCESSES}&search=${encodeURIComponent(question.slice(0, 200))}`, undefined, signal);

/**
 * Return children that do not run, for commands.
 * @param {AbortSignal} signal
 * @returns {Promise<import("./palette-commands.js").Stopped[]>}
 */
export async function stopped(signal) {
  const found = await request("GET", `/supervisors?whose=all&per_page=${PROCESSES}&include_children=true`, undefined, signal);
  return found.flatMap((/** @type {Record<string, any>} */ one) =>
    (one.children ?? []).filter((/** @type {Record<string, any>} */ child) => !child.alive)
      .map((/** @type {Record<string, any>} */ child) =>
        ({ id: String(child.id), supervisor: String(one.pid), supervisor_name: String(one.name ?? one.pid) })));
}

/**
 * Return the last restarts and give-ups, of all nodes unless one is chosen.
 * @param {AbortSignal} signal
 * @param {{from: number, until: number}|null} [then]  only those that began then
 * @returns {Promise<Item[]>}
 */
export async function restarts(signal, then = null) {
  const when = then ? `&since=${then.from}&until=${then.until}` : "";
  return itemsOf(await request("GET", `/restarts?per_page=${RESTARTS}${when}`, undefined, signal));
}

/**
 * Return restarts with the words of a query in them, in their reasons or in their pids.
 * @param {string} question
 * @param {AbortSignal} signal
 * @returns {Promise<Item[]>}
 */
export async function restartsWith(question, signal) {
  const words = wordsOfRestarts(question).slice(0, 200);
  return words
    ? itemsOf(await request("GET", `/restarts?per_page=8&text=${encodeURIComponent(words)}`, undefined, signal), question)
    : [];
}

/** @param {Api.RestartLine[]} found @param {string} [asked] @returns {Item[]} */
const itemsOf = (found, asked = "") =>
  found.flatMap((one) => restartItem(one, storedText(one), time(timeOf(one)),
    `${location.origin}${whyAddress(one.ref ?? "", one.node ?? chosen())}`, asked) ?? []);

/** @param {AbortSignal} signal @returns {Promise<Item[]>} */
export async function operations(signal) {
  const page = document.querySelector("header [data-page=arsenal]") !== null;
  const found = await platform("GET", "/arsenal/operations", undefined, signal);
  return found.map((/** @type {Record<string, any>} */ one) => ({
    id: `operation:${one.name}`, group: "Operations", icon: "run", text: String(one.name), more: String(one.summary),
    href: page ? at("/arsenal", { operation: one.name }) : `${location.origin}${root()}/api/docs/${one.category}#${one.name}`,
  }));
}

/** @param {AbortSignal} signal @returns {Promise<Item[]>} */
export async function manual(signal) {
  const found = await platform("GET", "/docs/pages", undefined, signal);
  return found.map((/** @type {Record<string, any>} */ one) => ({
    id: `docs:${one.page}`, group: "Documentation", icon: "list", text: String(one.title), more: String(one.about ?? one.part ?? ""),
    also: String(one.part ?? ""), href: new URL(String(one.path), location.origin).href,
  }));
}

/**
 * Return concepts and sections of the documentation.
 * @param {string} question
 * @param {AbortSignal} signal
 * @returns {Promise<Item[]>}
 */
export async function sections(question, signal) {
  const found = await platform("GET", `/docs/search?limit=6&q=${encodeURIComponent(question.slice(0, 200))}`, undefined, signal);
  return found.map((/** @type {Record<string, any>} */ one) => ({
    id: `docs:${one.path}`, group: "Documentation", icon: "list", text: String(one.heading || one.title), more: String(one.title),
    also: question, href: new URL(String(one.path), location.origin).href,
  }));
}

/** @param {unknown} error */
export const isAborted = (error) => error instanceof DOMException && error.name === "AbortError";

/** Return the reason for missing items. @param {unknown} error */
export const reason = (error) => (error instanceof ApiError ? error.message : "The server does not answer.");
