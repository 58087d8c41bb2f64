/**
 * What the page shows of a cluster, computed from its topology and its events. Pure.
 *
 * @module
 */

/** @typedef {Api.MemberLine} Member */
/** @typedef {Api.Missing} Missing */
/** @typedef {Api.ClusterTopology} Topology */
/** @typedef {Api.ClusterEvent} Happening */
/** @typedef {{ms: number|null, frames: number, bytes: number}} Sample */
/** @typedef {{from: number, to: number|null, what: string, reason: string|null, incarnation: number}} Span */

const SAMPLES = 60;
/** The least width of a mark, in percent. */
const THIN = 0.4;
const ENDS = new Set(["left", "lost", "disconnected"]);

/**
 * Add a topology to the samples of each link: its round trip, and its traffic a second since the last one.
 * @param {Map<string, {at: number, member: Member, samples: Sample[]}>} known
 * @param {Topology} topology
 * @param {number} at  in seconds
 */
export function sample(known, topology, at) {
  const next = new Map();
  for (const member of topology.nodes) {
    if (member.own) continue;
    const before = known.get(member.name);
    const same = before && before.member.incarnation === member.incarnation && before.at < at ? before : null;
    const seconds = same ? at - same.at : 1;
    const total = (/** @type {Member} */ one) => ({
      frames: one.frames_sent + one.frames_received, bytes: one.bytes_sent + one.bytes_received,
    });
    const now = total(member), then = same ? total(same.member) : now;
    const rate = (/** @type {number} */ a, /** @type {number} */ b) => Math.max(0, (a - b) / seconds);
    const fresh = { ms: member.round_trip_ms, frames: rate(now.frames, then.frames), bytes: rate(now.bytes, then.bytes) };
    next.set(member.name, { at, member, samples: [...(same?.samples ?? []), fresh].slice(-SAMPLES) });
  }
  return next;
}

/**
 * Return when each member was connected, oldest first; members that are there now are open at the end.
 * @param {readonly Happening[]} events  newest first
 * @param {readonly Member[]} members
 * @param {number} begun  the begin of the time shown
 * @returns {Map<string, Span[]>}
 */
export function spans(events, members, begun) {
  /** @type {Map<string, Span[]>} */
  const found = new Map();
  for (const { at, node, what, reason, incarnation } of [...events].reverse()) {
    const all = found.get(node) ?? found.set(node, []).get(node) ?? [];
    const last = all.at(-1);
    if (what === "joined" || what === "found") all.push({ from: at, to: null, what: "up", reason: null, incarnation });
    else if (ENDS.has(what)) {
      if (last && last.to === null) [last.to, last.what, last.reason] = [at, what, reason];
      else all.push({ from: begun, to: at, what, reason, incarnation });
    }
  }
  for (const member of members) {
    const all = found.get(member.name) ?? found.set(member.name, []).get(member.name) ?? [];
    if (!all.some(({ to }) => to === null))
      all.push({ from: Math.max(begun, member.since), to: null, what: "up", reason: null, incarnation: member.incarnation });
  }
  return found;
}

/**
 * Return the marks of one member's line: a bar for each time it was connected, and a red end where it was lost. Where
 * there is no bar, the line is grey.
 * @param {readonly Span[]} list
 * @param {number} begun
 * @param {number} now
 * @returns {{x: number, width: number, look: "up"|"lost"}[]}  in percent
 */
export function bars(list, begun, now) {
  const place = (/** @type {number} */ at) => Math.max(0, Math.min(100, ((at - begun) / (now - begun)) * 100));
  return list.filter(({ to }) => to === null || to > begun).flatMap(({ from, to, what }) => {
    const x = Math.min(place(from), 100 - THIN), width = Math.max(THIN, place(to ?? now) - x);
    return [
      { x, width, look: /** @type {const} */ ("up") },
      ...(what === "lost" ? [{ x: x + width - THIN, width: THIN, look: /** @type {const} */ ("lost") }] : []),
    ];
  });
}

/** Return a line for a spark of round trips, in a box of 100 by 20. @param {readonly Sample[]} samples */
export function spark(samples) {
  const all = samples.map(({ ms }) => ms ?? 0), most = Math.max(1, ...all);
  return all.map((ms, place) => `${((place + SAMPLES - all.length) * 100) / (SAMPLES - 1)},${(19 - (18 * ms) / most).toFixed(1)}`)
    .join(" ");
}

/** Return bytes a second as text. @param {number} bytes */
export const rate = (bytes) =>
  (bytes < 1000 ? `${Math.round(bytes)} B/s` : bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB/s` : `${(bytes / 1e6).toFixed(1)} MB/s`);

/**
 * A process in the tree of a node; a supervisor has `children`, and `more` counts those that are left out.
 * @typedef {{id: string|null, pid: string|null, name: string|null, what: string, type: string, status: string,
 *   restarts: number, restarted_along: number, last_exit: string|null, strategy?: string|null, more?: number,
 *   children?: Branch[]|null}} Branch
 */

/** Count the processes in branches. @param {Branch[]} branches @returns {number} */
export const size = (branches) =>
  branches.reduce((sum, { pid, more = 0, children }) => sum + Number(pid !== null) + more + size(children ?? []), 0);
