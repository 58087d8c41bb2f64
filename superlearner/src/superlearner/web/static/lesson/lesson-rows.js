/**
 * Sentences of verdicts, and rows of a trace: as sentences, what they say about a process that waits, and their lanes.
 *
 * @module
 */

import { spoken } from "../base/dom.js";

/** @import { Row } from "./lesson-model.js" */
/** @typedef {{of: string, first: number, last: number}} Wait */

/** Return a sentence whose parts between backticks are code, beginning with a capital. @param {string} text */
export const sentence = (text) => spoken(/^[a-z]+[ ,]/.test(text) ? `${text[0]?.toUpperCase()}${text.slice(1)}` : text);

/** Return what stands beside the mark of a row: an end that a supervisor or the process itself has ordered says so. @param {Row} row */
export const besideText = ({ kind, text }) => (kind !== "note" && SHUT.test(text) ? `stops, reason ${text}` : text);

/** The reasons of such an end. */
const SHUT = /^'shutdown'$|^\('shutdown',/;

/** Return a row as a sentence. @param {Row} row */
export function told({ at, of, to, kind, text }) {
  if (kind === "gap") return `${text}, not shown`;
  if (to === null) {
    const how = besideText({ at, of, to, kind, text, marked: false });
    return `${at} s: ${of} ${kind === "note" || how !== text ? how : `ends with ${text}`}`;
  }
  switch (kind) {
    case "late": return `${at} s: ${of} answers ${text} too late: it is dropped, and does not reach ${to}`;
    case "call": return `${at} s: ${of} calls ${to} with ${text}`;
    case "cast": return `${at} s: ${of} casts ${text} to ${to}`;
    case "reply": return `${at} s: ${of} answers ${to} with ${text}`;
    default: return /^(?:exit signal|Down): /.test(text) ? `${at} s: ${to} gets the ${text}` : `${at} s: ${of} sends ${text} to ${to}`;
  }
}

/** Return whether a row is an end that is no crash. @param {Row} row */
export const isCalm = ({ to, kind, text }) => to === null && kind !== "note" && /^'(?:normal|shutdown)'$|^\('shutdown',/.test(text);

/** @type {Record<string, string>} */
const WAYS = { call: "call ", cast: "cast ", reply: "reply ", late: "late reply " };

/** Return what stands at the arrow of a row. @param {Row} row */
export const onArrow = ({ kind, text }) => `${WAYS[kind] ?? ""}${text}`;

/**
 * Return from which row to which a caller waits: from a call to its answer, or to what the caller does next.
 * @param {Row[]} rows
 * @returns {Wait[]}
 */
export function waits(rows) {
  return rows.flatMap(({ kind, of, to }, first) => {
    if (kind !== "call") return [];
    const last = rows.findIndex((row, place) =>
      place > first && ((row.kind === "reply" && row.of === to && row.to === of) || (row.to === null && row.of === of)));
    return [{ of, first, last: last < 0 ? rows.length - 1 : last }];
  });
}

/** Room for the times beside the lanes, for a text beside the last one, and widths of a lane, in px. */
export const LEFT = 58;
const ASIDE = 100, MOST_ASIDE = 230, LANE = 132, LEAST_LANE = 56, MOST_LANE = 250;
/** Width of a letter, in px. */
export const LETTER = 6.9;

/** Return who takes part, in order of appearance. @param {Row[]} rows */
export const lanesOf = (rows) => [...new Set(rows.flatMap(({ of, to }) => (to === null ? [of] : [of, to])))];

/** Return the room for rows with lanes of the usual width. @param {Row[]} rows */
export const roomOf = (rows) => LEFT + lanesOf(rows).length * LANE + ASIDE;

/**
 * Return the lanes of a diagram of rows, in which no more scrolls sideways than has to.
 * @param {Row[]} rows
 * @param {number} [room]  px that it may take; its lanes have a usual width without it, and always a least one
 */
export function fitLanes(rows, room) {
  const lanes = lanesOf(rows);
  // Their texts stand beside the last lane
  const beside = rows.filter(({ of, to }) => of === lanes.at(-1) && (to === null || to === of));
  const longest = Math.max(...beside.map((row) => besideText(row).length * LETTER)) - LEAST_LANE / 2 + 20;
  const aside = beside.length ? Math.min(MOST_ASIDE, Math.max(ASIDE, longest)) : 0;
  const left = rows.some(({ at }) => at > 0) ? 0 : LEFT - 8; // without times their column is cut off
  const free = (room ?? 0) - (LEFT - left) - aside;
  const lane = room === undefined ? LANE : Math.max(LEAST_LANE, Math.min(MOST_LANE, Math.floor(free / lanes.length)));
  return { lanes, lane, left, width: LEFT + lanes.length * lane + aside };
}

/**
 * Return the notes of several runs as a table with a line for each run and a column for each lane; null for other rows.
 * @param {Row[]} rows
 * @returns {{head: string[], lines: string[][]}|null}
 */
export function tableOf(rows) {
  const head = lanesOf(rows), runs = rows.length / head.length;
  if (head.length < 2 || runs < 2 || !rows.every(({ of, kind }, place) => kind === "note" && of === head[place % head.length])) return null;
  return { head, lines: Array.from({ length: runs }, (_, run) =>
    rows.slice(run * head.length, (run + 1) * head.length).map(({ text }) => text)) };
}

/**
 * Return a text in at most two lines; the rest is cut off.
 * @param {string} text
 * @param {number} most  characters of a line
 */
export function inTwoLines(text, most) {
  if (text.length <= most) return [text];
  const space = text.lastIndexOf(" ", most), at = space > most / 2 ? space : most, rest = text.slice(at).trimStart();
  return [text.slice(0, at), rest.length > most ? `${rest.slice(0, most - 1)}…` : rest];
}
