/**
 * The layout of a sequence diagram: lanes, a row for each message or mark, bars from calls to answers, lifetimes.
 * Pure: items in, numbers out; `sequence.js` draws the visible part.
 *
 * A lane is a name, so a restarted process continues in its predecessor's lane. With more than a dozen lanes,
 * children of a supervisor share one until it is unfolded.
 *
 * @module
 */

/** @typedef {"call"|"cast"|"info"|"reply"|"system"} Way */
/** @typedef {"exited"|"crashed"|"started"|"down"} MarkKind */

/**
 * A message. `from` null: a timer, or code outside any process.
 * @typedef {object} Message
 * @property {number} seq
 * @property {number} at  seconds
 * @property {Way} kind
 * @property {string|null} from
 * @property {string} to
 * @property {string} text
 * @property {string} [tag]
 * @property {boolean} [dropped]
 * @property {number|null} [received]  when its receiver took it, seconds
 * @property {number|null} [answer]  of a call, the `seq` of its reply
 * @property {number|null} [answers]  of a reply, the `seq` of its call
 * @property {number|null} [timeout]  of a call that timed out: seconds
 * @property {number|null} [cause]
 */

/** @typedef {{seq: number, at: number, kind: MarkKind, who: string, text: string, cause?: number|null}} Mark */
/** @typedef {Message|Mark} Item */
/** @typedef {{pid: string, label: string, name?: string|null, what?: string, supervisor?: string|null, traced?: boolean}} Person */
/** @typedef {{key: string, label: string, pids: string[], group: string|null, folded: boolean, traced: boolean}} Lane */
/** @typedef {{item: Item, lane: number, to: number, latency: number|null, gap: number}} Row */
/** @typedef {{lane: number, first: number, last: number, open: boolean}} Span */
/** @typedef {{row: number, alive: boolean, loud: boolean}} Turn */

/**
 * @typedef {object} Layout
 * @property {Lane[]} lanes
 * @property {Row[]} rows
 * @property {Span[]} spans  sorted by their first row
 * @property {number[]} reach  the last row of any span up to this one
 * @property {Turn[][]} turns  for each lane, ends and starts of its process
 * @property {Map<number, number>} places  row of each `seq`
 * @property {number} begun
 */

/** More lanes than this are folded by supervisor. */
export const MOST_LANES = 12;
/** Processes beyond this number share the last lane. */
const LAST_LANES = 40;
/** Pauses longer than this, in seconds, are marked. */
export const GAP_S = 0.5;

export const OUTSIDE = "\u0000outside";
const OTHERS = "\u0000others";
const NAMELESS = "\u0000nameless";

/** @param {Item} item @returns {item is Mark} */
export const isMark = (item) => "who" in item;

/** Return whether an item is an exit signal or the end of another process, sent by the runtime. @param {Item} item */
export const isSignal = (item) =>
  !isMark(item) && (item.tag === "Down" || item.tag === "ExitSignal" || /^(Down|ExitSignal)\(/.test(item.text));

/**
 * @param {readonly Item[]} items  in order of occurrence
 * @param {ReadonlyMap<string, Person>} people
 * @param {{opened?: ReadonlySet<string>, most?: number}} [how]  `opened`: supervisors whose children are not folded
 * @returns {Layout}
 */
export function arrange(items, people, { opened = new Set(), most = MOST_LANES } = {}) {
  const { lanes, of } = lanesOf(items.flatMap((item) => (isMark(item) ? [item.who] : [item.from, item.to])), people, opened, most);
  /** @type {Row[]} */ const rows = [];
  /** @type {Map<number, number>} */ const places = new Map();
  /** @type {Span[]} */ const spans = [];
  /** @type {Map<number, Span>} */ const calls = new Map();
  /** @type {Turn[][]} */ const turns = lanes.map(() => []);
  /** The process of a lane that has ended, by lane. @type {Map<number, string>} */ const ended = new Map();
  let before = items[0]?.at ?? 0;
  for (const item of items) {
    const place = rows.length;
    const gap = Math.max(0, item.at - before);
    before = item.at;
    places.set(item.seq, place);
    if (isMark(item)) {
      const lane = of(item.who);
      const ends = item.kind === "exited" || item.kind === "crashed";
      if ((ends || item.kind === "started") && !lanes[lane]?.folded)
        turns[lane]?.push({ row: place, alive: !ends, loud: item.kind === "crashed" });
      if (ends) ended.set(lane, item.who);
      else if (item.kind === "started") ended.delete(lane);
      rows.push({ item, lane, to: -1, latency: null, gap });
      continue;
    }
    const [lane, to] = [of(item.from), of(item.to)];
    for (const [one, pid] of /** @type {[number, string|null][]} */ ([[lane, item.from], [to, item.to]])) {
      if (!ended.has(one) || pid === null || ended.get(one) === pid || lanes[one]?.folded) continue;
      turns[one]?.push({ row: place, alive: true, loud: false }); // its successor runs before its start is reported
      ended.delete(one);
    }
    let latency = null;
    if (item.kind === "call" && !item.dropped) {
      const span = { lane: to, first: place, last: items.length - 1, open: true };
      calls.set(item.seq, span);
      if (item.answer) spans.push(span);
    }
    const call = item.kind === "reply" && item.answers ? places.get(item.answers) : undefined;
    if (call !== undefined) {
      latency = item.at - (rows[call]?.item.at ?? item.at);
      const asked = rows[call];
      if (asked) asked.latency = latency;
      const span = calls.get(item.answers ?? 0);
      if (span) Object.assign(span, { last: place, open: false });
    }
    rows.push({ item, lane, to, latency, gap });
  }
  let far = -1;
  const known = spans.filter((span) => !span.open);
  const reach = known.map((span) => (far = Math.max(far, span.last)));
  return { lanes, rows, spans: known, reach, turns, places, begun: items[0]?.at ?? 0 };
}

/**
 * Return whether a participant is code outside any process, which has a pid while it waits for an answer.
 * @param {Person|undefined} person
 */
export const isOutside = (person) => person !== undefined && !person.name && person.what === "outside";

/**
 * Return the lanes in order of first appearance, and a function from pids to lanes.
 * @param {Iterable<string|null>} pids
 * @param {ReadonlyMap<string, Person>} people
 * @param {ReadonlySet<string>} opened
 * @param {number} most
 * @returns {{lanes: Lane[], of: (pid: string|null) => number}}
 */
export function lanesOf(pids, people, opened, most) {
  /** @type {Map<string, {label: string, pids: Set<string>, supervisor: string|null, traced: boolean}>} */
  const seen = new Map();
  /** @type {Map<string|null, string>} */ const keys = new Map();
  const meet = (/** @type {string|null} */ pid) => {
    if (keys.has(pid)) return;
    const person = pid === null ? undefined : people.get(pid);
    const key = pid === null || isOutside(person) ? OUTSIDE : person?.name ? `n:${person.name}` : pid;
    keys.set(pid, key);
    const above = key === OUTSIDE ? null : person?.supervisor ?? (person?.name ? null : NAMELESS);
    const one = seen.get(key)
      ?? { label: pid === null || key === OUTSIDE ? "outside" : person?.label ?? pid, pids: new Set(), supervisor: above, traced: false };
    if (pid !== null) one.pids.add(pid);
    one.traced ||= person?.traced ?? false;
    seen.set(key, one);
  };
  for (const pid of pids) meet(pid);
  /** @type {Map<string, string[]>} */ const groups = new Map();
  if (seen.size > most) {
    for (const [key, one] of seen) if (one.supervisor !== null) groups.set(one.supervisor, [...(groups.get(one.supervisor) ?? []), key]);
    const told = (/** @type {string[]} */ members) => members.filter((key) => seen.get(key)?.traced).length;
    const order = [...groups].sort(([, a], [, b]) => told(a) - told(b) || b.length - a.length);
    let left = seen.size;
    for (const [supervisor, members] of order) {  // fold those that were not asked for first, and no more than necessary
      if (left <= most) groups.delete(supervisor);
      else left -= members.length - 1;
    }
  }
  /** @type {Lane[]} */ const lanes = [];
  /** @type {Map<string, number>} */ const lane = new Map();
  const add = (/** @type {string[]} */ members, /** @type {Lane} */ made) => {
    if (lanes.length >= LAST_LANES) {
      const rest = lanes[LAST_LANES - 1];
      if (rest && rest.key !== OTHERS) Object.assign(rest, { key: OTHERS, label: "others", folded: true, group: null });
      rest?.pids.push(...made.pids);
      for (const key of members) lane.set(key, LAST_LANES - 1);
      return;
    }
    for (const key of members) lane.set(key, lanes.length);
    lanes.push(made);
  };
  for (const [key, one] of seen) {
    if (lane.has(key)) continue;
    const group = one.supervisor === null ? undefined : groups.get(one.supervisor);
    if (!group || group.length < 2 || one.supervisor === null)
      add([key], { key, label: one.label, pids: [...one.pids], group: null, folded: false, traced: one.traced });
    else if (opened.has(one.supervisor)) {
      for (const member of group) {
        const who = seen.get(member);
        if (who)
          add([member], { key: member, label: who.label, pids: [...who.pids], group: one.supervisor, folded: false, traced: who.traced });
      }
    } else {
      const pids = group.flatMap((member) => [...(seen.get(member)?.pids ?? [])]);
      add(group, {
        key: `g:${one.supervisor}`,
        label: one.supervisor === NAMELESS ? `${group.length} without a name` : `${group.length} below ${one.supervisor}`,
        pids, group: one.supervisor, folded: true,
        traced: group.every((member) => seen.get(member)?.traced),
      });
    }
  }
  return { lanes, of: (/** @type {string|null} */ pid) => lane.get(keys.get(pid) ?? "") ?? 0 };
}

/**
 * Return the bars that reach into the rows from `first` to before `last`.
 * @param {Layout} layout
 * @param {number} first
 * @param {number} last
 * @returns {Span[]}
 */
export function spansIn({ spans, reach }, first, last) {
  let end = spans.length;
  for (let low = 0; low < end;) {
    const middle = (low + end) >> 1;
    if ((spans[middle]?.first ?? 0) < last) low = middle + 1;
    else end = middle;
  }
  const found = [];
  for (let place = end - 1; place >= 0 && (reach[place] ?? -1) >= first; place--) {
    const span = spans[place];
    if (span && span.last >= first) found.push(span);
  }
  return found;
}

/**
 * Return the life of a lane within some rows as segments: alive, or the gap between an end and the next start.
 * @param {Layout} layout
 * @param {number} lane
 * @param {number} first
 * @param {number} last  the row after the last one
 * @returns {{from: number, to: number, alive: boolean}[]}
 */
export function lifeIn({ turns }, lane, first, last) {
  const all = turns[lane] ?? [];
  let next = all.findIndex((turn) => turn.row >= first);
  if (next < 0) next = all.length;
  let alive = next > 0 ? all[next - 1]?.alive ?? true : all[0] ? !all[0].alive || all[0].row < first : true;
  const found = [];
  let from = first;
  for (; next < all.length && (all[next]?.row ?? last) < last; next++) {
    const turn = all[next];
    if (!turn || turn.alive === alive) continue;
    found.push({ from, to: turn.row + 0.5, alive });
    from = turn.row + 0.5;
    alive = turn.alive;
  }
  found.push({ from, to: last, alive });
  return found;
}

/** @type {Record<string, string>} */
export const KINDS = {
  call: "calls", cast: "casts to", info: "sends to", reply: "replies to", system: "asks",
  exited: "ended", crashed: "crashed", started: "was started", down: "is down",
};

/** Return the label of a message's arrow; for signals their reason. @param {string} text */
export function brief(text) {
  const [, signal, reason] = /^(ExitSignal|Down)\(.*reason=(.*)\)$/s.exec(text) ?? [];
  return signal ? `${signal === "Down" ? "down" : "exit"}: ${reason}` : text;
}

/** @param {number} seconds */
export function short(seconds) {
  const ms = Math.round(Math.abs(seconds) * 1e6) / 1e3;
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
  return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
}

/**
 * Return the known outcome of a message.
 * @param {Row} row
 */
export function fate({ item, latency }) {
  if (isMark(item)) return "";
  if (item.dropped) return item.kind === "reply" ? "too late: the caller no longer waited" : "dropped: the receiver had ended";
  if (item.timeout) return `timed out after ${short(item.timeout)}`;
  if (item.kind === "call") return latency !== null ? `answered in ${short(latency)}` : item.answer ? "answered" : "not answered";
  if (item.kind === "reply") return latency === null ? "" : `after ${short(latency)}`;
  return item.received ? `taken after ${short(item.received - item.at)}` : "";
}

/**
 * Return a row as a sentence, for screen readers and the text below the diagram.
 * @param {Layout} layout
 * @param {number} place
 * @param {ReadonlyMap<string, Person>} people
 */
export function describe(layout, place, people) {
  const row = layout.rows[place];
  if (!row) return "";
  const { item } = row;
  const who = (/** @type {string|null} */ pid) => (pid === null ? "outside" : people.get(pid)?.label ?? pid);
  const at = `${(item.at - layout.begun).toFixed(3)} s`;
  if (isMark(item)) return `${at}: ${who(item.who)} ${KINDS[item.kind] ?? item.kind}${item.text ? `: ${item.text}` : ""}`;
  const end = fate(row);
  return `${at}: ${who(item.from)} ${KINDS[item.kind] ?? item.kind} ${who(item.to)}: ${item.text}${end ? `, ${end}` : ""}`;
}

/**
 * Return whether an item passes the filter.
 * @param {Item} item
 * @param {{kind?: string, text?: string, who?: string}} filter  `who`: a name or a pid
 * @param {ReadonlyMap<string, Person>} people
 */
export function fits(item, { kind = "", text = "", who = "" }, people) {
  const pids = isMark(item) ? [item.who] : [item.from, item.to];
  if (who && !pids.some((pid) => pid !== null && (pid === who || people.get(pid)?.label === who || people.get(pid)?.name === who)))
    return false;
  if (kind === "ends" ? !isMark(item) && !isSignal(item) : kind !== "" && item.kind !== kind && !(kind === "call" && item.kind === "reply"))
    return false;
  return text === "" || item.text.toLowerCase().includes(text.toLowerCase());
}
