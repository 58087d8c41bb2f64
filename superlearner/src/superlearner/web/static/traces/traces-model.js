/**
 * The state of the page /traces as one value, and its reducer: the list of traces, and messages, marks and people of
 * the selected one. Pure.
 *
 * @module
 */

import { isOutside } from "./sequence-layout.js";

/** @import { Item, Mark, Message, Person } from "./sequence-layout.js" */

/** @typedef {Api.TraceInfo} Trace */

/**
 * @typedef {object} Seen
 * @property {string|null} epoch
 * @property {number} seq
 * @property {boolean} gap
 * @property {number} now
 * @property {readonly Trace[]} traces
 * @property {string|null} trace  the trace of the messages; null if it does not exist (any more)
 * @property {readonly Item[]} items
 * @property {ReadonlyMap<string, Person>} people
 */

/**
 * @typedef {{k: "s", epoch: string, seq: number, now: number, traces: Trace[], trace: string|null,
 *   messages?: Message[], marks?: Mark[], people?: Person[]}} Snapshot
 */
/**
 * @typedef {{k: "d", seq: number, now: number, first?: number, traces?: Trace[], m?: Message[], u?: Message[],
 *   marks?: Mark[], people?: Person[]}} Delta
 */

/** @type {Seen} */
export const NOTHING = Object.freeze({ epoch: null, seq: 0, gap: false, now: 0, traces: [], trace: null, items: [], people: new Map() });

/** The number of marks that the server keeps. */
const MOST_MARKS = 500;

/** @param {Item} a @param {Item} b */
const inOrder = (a, b) => a.seq - b.seq;

/**
 * @param {Seen} seen
 * @param {Snapshot|Delta} frame
 * @returns {Seen}
 */
export function take(seen, frame) {
  if (frame.k === "s") {
    const items = [...(frame.messages ?? []), ...(frame.marks ?? [])].sort(inOrder);
    return {
      epoch: frame.epoch, seq: frame.seq, gap: false, now: frame.now, traces: frame.traces, trace: frame.trace, items,
      people: new Map((frame.people ?? []).map((one) => [one.pid, one])),
    };
  }
  if (frame.k !== "d" || seen.epoch === null || seen.gap || frame.seq <= seen.seq) return seen;
  if (frame.seq !== seen.seq + 1) return { ...seen, gap: true };
  let { items, people } = seen;
  if (frame.m?.length || frame.u?.length || frame.marks?.length) {
    const changed = new Map((frame.u ?? []).map((one) => [one.seq, one]));
    const first = frame.first ?? 0;
    const kept = items.filter((one) => one.seq >= first || "who" in one).map((one) => changed.get(one.seq) ?? one);
    items = [...kept, ...[...(frame.m ?? []), ...(frame.marks ?? [])].sort(inOrder)];
    if (frame.marks?.length) {
      const spare = items.reduce((count, one) => count + ("who" in one ? 1 : 0), 0) - MOST_MARKS;
      let seenMarks = 0;
      items = items.filter((one) => !("who" in one) || ++seenMarks > spare).sort(inOrder);
    }
  }
  if (frame.people?.length) people = new Map([...people, ...frame.people.map((one) => /** @type {[string, Person]} */ ([one.pid, one]))]);
  return { ...seen, seq: frame.seq, now: frame.now, traces: frame.traces ?? seen.traces, items, people };
}

/**
 * Return the title of a trace: its supervisor, or the traced processes.
 * @param {Trace} trace
 */
export function title(trace) {
  if (trace.supervisor !== null) {
    const place = trace.pids.indexOf(trace.supervisor);
    return `${place >= 0 && trace.names[0] ? trace.names[0] : trace.supervisor} and all below it`;
  }
  const known = trace.names.length ? trace.names : trace.pids;
  return known.length < 4 && trace.processes <= known.length
    ? known.join(", ")
    : `${known.slice(0, 2).join(", ")} and ${trace.processes - 2} more`;
}

/** @type {Record<string, string>} */
const ENDS = { stopped: "stopped", process_ended: "its process ended", duration: "its time was over", node_down: "the node ended" };

/** Return why a trace is not running. @param {Trace} trace */
export const endText = (trace) => (trace.tracing ? "running" : ENDS[trace.ended ?? ""] ?? "ended");

/**
 * Return the losses of a trace in words; empty if there are none.
 * @param {Trace} trace
 */
export function lossText(trace) {
  return [
    trace.over_rate ? `${trace.over_rate} not captured` : "", trace.displaced ? `${trace.displaced} displaced` : "",
    trace.filtered ? `${trace.filtered} filtered` : "", trace.left_out ? `${trace.left_out} processes left out` : "",
  ].filter(Boolean).join(", ");
}

/**
 * Return durations of calls by pair and first word, the slowest median first. Unnamed processes are grouped by class.
 * @param {readonly Item[]} items
 * @param {ReadonlyMap<string, Person>} people
 * @returns {{from: string, to: string, tag: string, count: number, open: number, p50: number|null, p95: number|null,
 *   max: number|null, slowest: number|null}[]}
 */
export function latencies(items, people) {
  /** @type {Map<number, number>} */ const replies = new Map();
  for (const item of items) if (!("who" in item) && item.kind === "reply" && item.answers) replies.set(item.answers, item.at);
  const kind = (/** @type {string|null} */ pid) => {
    const person = pid === null ? undefined : people.get(pid);
    return pid === null || isOutside(person) ? "outside" : person?.name ?? (person?.what || person?.label || pid);
  };
  const told = (/** @type {Set<string|null>} */ pids) => {
    const [pid] = pids;
    if (pid === null || pid === undefined || isOutside(people.get(pid))) return "outside";
    return pids.size === 1 || people.get(pid)?.name ? people.get(pid)?.label ?? pid : `${people.get(pid)?.what} (${pids.size})`;
  };
  /** @type {Map<string, {from: Set<string|null>, to: Set<string|null>, tag: string, took: [number, number][], open: number}>} */
  const groups = new Map();
  for (const item of items) {
    if ("who" in item || item.kind !== "call") continue;
    const tag = item.tag ?? "";
    const key = JSON.stringify([kind(item.from), kind(item.to), tag]);
    const group = groups.get(key) ?? { from: new Set(), to: new Set(), tag, took: [], open: 0 };
    groups.set(key, group);
    group.from.add(item.from);
    group.to.add(item.to);
    const end = replies.get(item.seq);
    if (end === undefined) group.open += 1;
    else group.took.push([Math.max(0, end - item.at), item.seq]);
  }
  return [...groups.values()].map(({ took, open, tag, from, to }) => {
    took.sort((a, b) => a[0] - b[0]);
    const at = (/** @type {number} */ part) => took[Math.min(took.length - 1, Math.max(0, Math.ceil(part * took.length) - 1))]?.[0] ?? null;
    return {
      from: told(from), to: told(to), tag, count: took.length + open, open, p50: at(0.5), p95: at(0.95), max: took.at(-1)?.[0] ?? null,
      slowest: took.at(-1)?.[1] ?? null,
    };
  }).sort((a, b) => (b.p50 ?? -1) - (a.p50 ?? -1));
}
