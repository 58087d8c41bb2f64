/**
 * Positions of a restart's processes and the lines between them. Pure.
 *
 * The branch in question fans out, with state cards; other branches hang as ladders with small shapes, or are folded
 * where there is less room. Without the width for this, all processes stand in indented rows.
 *
 * @module
 */

import { all } from "./picture.js";

/** @import { Moment, MomentNode } from "./schedule.js" */
/** @typedef {{x: number, y: number, w: number}} Card */
/**
 * @typedef {{x: number, y: number, size: number, align: "right"|"below"|"row", big: boolean, label: number,
 *   card: Card|null}} Place  `size`: 1 is 46 px; `label`: width for its name
 */
/** @typedef {{d: string, points: [number, number][], lengths: number[], length: number}} Edge  from the supervisor to the child */
/** @typedef {{x: number, y: number, count: number}} More */
/** @typedef {{rows: boolean, tight: boolean, height: number, places: Map<string, Place>, edges: Map<string, Edge>, more: More[]}} Layout */

/** Half the size of a shape of size 1. */
const HALF = 23;
export const NARROW = 620;
const TOP = 52, LOW_TOP = 36, LEVEL = 134, CARD = 152, NO_CARD = 86, RUNG = 34, SHOWN = 6, LEAF = 112;
/** More rows below a supervisor that does not fan out are too high. */
const LONG = 10;
/** Least share of the usual distance of levels. */
const FLATTEST = 0.58;
/** More siblings than this stand in small rows. */
const MANY = 12;
/** Ways to draw a fan, the best first: width of a process, `tight`, `folded`. @type {readonly [number, boolean, boolean][]} */
const DRAFTS = [
  [190, false, false], [164, false, false], [136, false, false], [136, true, false], [164, true, true], [136, true, true],
  [102, true, false], [102, true, true],
];
/** Ways to draw a fan in which only the supervisors that decide fan out. @type {readonly [number, boolean][]} */
const PATHS = [[190, false], [164, false], [136, false], [136, true], [102, true], [90, true]];
/** The same, with the processes of the other branches stacked. */
const STACKS = [136, 102, 90];
/** Rows below each other that still leave the drawing flat. */
const MOST_STACKED = 16;
/** What a pid takes beside a name, and the word of a state. */
const PID = 84, STATE = 70;
/** What a row stands further to the right than the one of its supervisor. */
const STEP = 22;
/** Further room below a small row, above the three lines of a supervisor. */
const CLEAR = 14;

/** @param {MomentNode} node */
export const isSupervisor = (node) => node.kind !== "worker";

/** Return the ids of all processes that take part. @param {Pick<Moment, "events"|"root">} moment */
export function touched({ events, root }) {
  return new Set([
    root.id,
    ...events.flatMap((event) => [event.id, ...("to" in event ? [event.to] : []), ...("by" in event ? [event.by] : [])]),
  ]);
}

/**
 * Return the supervisors that fan out: those with a child that takes part.
 * @param {MomentNode} node
 * @param {Set<string>} parts
 * @returns {Set<string>}
 */
function fans(node, parts) {
  const below = node.children.flatMap((child) => [...fans(child, parts)]);
  return new Set(below.length || node.children.some(({ id }) => parts.has(id)) ? [node.id, ...below] : []);
}

/**
 * Return the supervisors that fan out if only those do that decide or end by themselves, and those above them.
 * @param {Pick<Moment, "events"|"root">} moment
 * @param {Set<string>} open
 */
function deciding({ events, root }, open) {
  const acts = events.flatMap((event) => (event.kind === "decide" || event.kind === "crash" ? [event.id] : []));
  const lead = acts.filter((id) => open.has(id));
  return new Set([...open].filter((id) => id === root.id || lead.some((one) => one === id || one.startsWith(`${id}/`))));
}

/**
 * @param {Pick<Moment, "events"|"root">} moment
 * @param {number} width
 * @param {number} [height]  what there is of it; the levels stand further apart
 * @param {boolean} [whole]  every process takes part, whatever happens
 * @returns {Layout}
 */
export function layout(moment, width, height = 0, whole = false) {
  const parts = whole ? new Set(all(moment.root).map(({ id }) => id)) : touched(moment), open = fans(moment.root, parts);
  open.add(moment.root.id);
  const cause = moment.events.find((event) => event.kind === "signal" || event.kind === "start");
  const large = new Set(
    all(moment.root).flatMap(({ id, children }) => children.filter((child) =>
      id === (cause && "to" in cause ? cause.to : moment.root.id) || parts.has(child.id)).map((child) => child.id)));
  if (width >= NARROW) {
    const path = deciding(moment, open);
    const draft = DRAFTS.map(([unit, tight, folded]) => new Fan(open, large, unit, tight, folded))
      .find((one) => one.fits(moment.root, width))
      ?? PATHS.map(([unit, tight]) => new Fan(path, large, unit, tight, true, parts)).find((one) => one.fits(moment.root, width))
      ?? STACKS.map((unit) => new Fan(path, large, unit, true, true, parts, true)).find((one) => one.fits(moment.root, width));
    if (draft) return draft.place(moment.root, width, height);
  }
  return rows(moment.root, open, large, width, whole);
}

/** A branch that fans out, for one width of a process. */
class Fan {
  /**
   * @param {Set<string>} open
   * @param {Set<string>} large  processes that stand beside what happens
   * @param {number} unit
   * @param {boolean} tight  small processes have no pid, and small siblings share a spine
   * @param {boolean} folded  so do supervisors without a part in it, whose children are not drawn
   * @param {Set<string>} [parts]  what takes part and must be drawn, also where it does not fan out
   * @param {boolean} [stacked]  beside a branch that fans out, the others share a spine
   */
  constructor(open, large, unit, tight, folded, parts, stacked = false) {
    this.stacked = stacked;
    this.parts = parts ?? new Set();
    this.open = open;
    this.large = large;
    this.unit = unit;
    this.tight = tight;
    this.folded = folded;
    this.k = 1;
    this.top = TOP;
    /** @type {Map<string, Place>} */ this.places = new Map();
    /** @type {Map<string, Edge>} */ this.edges = new Map();
    /** @type {More[]} */ this.more = [];
    this.bottom = 0;
  }

  /** Return whether it has room. @param {MomentNode} root @param {number} width */
  fits(root, width) {
    return this.widthOf(root) <= width - 8 && all(root).every((node) => (this.open.has(node.id)
      ? this.groups(node)
        .every((group) =>
          group.length < 2 || !this.stacked || (this.stack(group).length <= MOST_STACKED && group.every(({ more }) => !more)))
      : this.rungs(node).length <= LONG));
  }

  /** Return the width of the text to the right of a supervisor. @param {MomentNode} node */
  labelOf(node) {
    const beside = this.open.has(node.id) ? (this.tight ? 46 : 164) : this.large.has(node.id) ? 56 : 4; // the number left, or `crashed`
    const limit = node.limit && node.limit[0] <= 10 ? node.limit[0] * 17 + beside
      : this.open.has(node.id) ? (this.tight ? 110 : 170)
      : 62;
    return Math.min(260, Math.max(node.name.length * 7.8, (node.strategy ?? "").length * 7.4, node.limit ? limit : 0)) + 10;
  }

  /** Return whether a child may share a spine with its small siblings. @param {MomentNode} child @param {MomentNode} above */
  isSmall(child, above) {
    if (this.stacked && above.children.some(({ id }) => this.open.has(id))) return !this.open.has(child.id);
    return this.tight && !this.large.has(child.id) && (this.folded ? !this.open.has(child.id) : !isSupervisor(child));
  }

  /**
   * Return the children of a fan from left to right; small siblings may share a spine.
   * @param {MomentNode} node
   * @returns {MomentNode[][]}
   */
  groups(node) {
    /** @type {MomentNode[][]} */ const groups = [];
    for (const child of node.children) {
      const last = groups.at(-1);
      if (last?.[0] && this.isSmall(last[0], node) && this.isSmall(child, node)) last.push(child);
      else groups.push([child]);
    }
    return groups;
  }

  /** @param {MomentNode[]} group */
  widthOfAll(group) {
    if (group.length < 2) return group[0] ? this.widthOf(group[0]) : 0;
    return Math.max(106,
      ...this.stack(group)
        .map(({ child: { id, name }, depth }) => 62 + depth * STEP + Math.min(160, name.length * 8) + (this.parts.has(id) ? STATE : 0)));
  }

  /**
   * Return the rows of siblings that share a spine, with the processes below them that take part.
   * @param {MomentNode[]} group
   * @returns {{child: MomentNode, above: string|null, depth: number}[]}
   */
  stack(group) {
    return group.flatMap((child) => [{ child, above: null, depth: 0 }, ...(this.parts.has(child.id) ? this.rungs(child, 1) : [])]);
  }

  /** @param {MomentNode} node @returns {number} */
  widthOf(node) {
    if (!isSupervisor(node)) return this.large.has(node.id) ? this.unit : LEAF;
    if (!this.open.has(node.id))
      return Math.max(46 + this.labelOf(node),
        ...this.rungs(node)
          .map(({ child: { name }, depth }) =>
            62 + depth * STEP + Math.min(160, name.length * 7.6) + (this.parts.has(node.id) ? STATE : this.tight ? 0 : PID)),
        118);
    const below = this.below(node);
    return Math.max(below, below / 2 + 38 + this.labelOf(node));
  }

  /** @param {MomentNode} node */
  below(node) {
    return Math.max(60, this.groups(node).reduce((sum, group) => sum + this.widthOfAll(group), 0) + (node.more ? 80 : 0));
  }

  /** @param {MomentNode} root @param {number} width @param {number} height @returns {Layout} */
  place(root, width, height) {
    const need = this.widthOf(root);
    this.put(root, (width - need) / 2, 0);
    const levels = Math.max(...[...this.places.values()].map(({ y }) => y)) - TOP;
    const free = height - this.bottom - 24;
    if (levels > 0 && free) {
      this.k = Math.min(1.3, Math.max(FLATTEST, 1 + free / levels));
      if (this.k === FLATTEST) this.top = LOW_TOP;
      this.places.clear();
      this.more = [];
      this.bottom = 0;
      this.put(root, (width - need) / 2, 0);
    }
    return { rows: false, tight: this.tight, height: this.bottom, places: this.places, edges: this.edges, more: this.more };
  }

  /** @param {MomentNode} node @param {number} x  left end of its room @param {number} level */
  put(node, x, level) {
    const y = this.top + level * LEVEL * this.k;
    if (!isSupervisor(node)) {
      const big = this.large.has(node.id), room = this.widthOf(node), w = Math.min(170, room - 14), at = x + room / 2;
      const card = node.state === null || !big ? null : { x: at - w / 2, y: y + 76, w };
      this.places.set(node.id, { x: at, y, size: big ? 1 : 0.6, align: "below", big, label: room - 6, card });
      this.bottom = Math.max(this.bottom, y + (card ? CARD : NO_CARD));
    } else if (!this.open.has(node.id)) this.ladder(node, x, y);
    else {
      const below = this.below(node), at = x + below / 2;
      this.places.set(node.id, { x: at, y, size: 1, align: "right", big: true, label: this.labelOf(node), card: null });
      this.bottom = Math.max(this.bottom, y + 60);
      let left = x;
      for (const group of this.groups(node)) {
        if (group.length > 1) this.spine(node.id, group, left, level + 1);
        else for (const child of group) {
          this.put(child, left, level + 1);
          this.join(node.id, child.id);
        }
        left += this.widthOfAll(group);
      }
      if (node.more) this.more.push({ x: left + 10, y: this.top + (level + 1) * LEVEL * this.k, count: node.more });
    }
  }

  /**
   * Return the rows below a supervisor that does not fan out: some children, or all processes if they take part.
   * @param {MomentNode} node
   * @param {number} [depth]
   * @returns {{child: MomentNode, above: string, depth: number}[]}
   */
  rungs(node, depth = 0) {
    const drawn = this.parts.has(node.id) ? node.children : node.children.slice(0, depth ? 0 : SHOWN);
    return drawn.flatMap((child) => [{ child, above: node.id, depth }, ...this.rungs(child, depth + 1)]);
  }

  /** @param {MomentNode} node @param {number} x @param {number} y */
  ladder(node, x, y) {
    this.places.set(node.id, { x: x + 20, y, size: 0.66, align: "right", big: false, label: this.widthOf(node) - 48, card: null });
    const drawn = this.rungs(node), hidden = Math.max(0, node.children.length - drawn.length) + node.more;
    drawn.forEach(({ child, above, depth }, place) => {
      this.places.set(child.id, {
        x: x + 42 + depth * STEP, y: y + 56 + place * RUNG, size: isSupervisor(child) ? 0.42 : 0.36, align: "row", big: false,
        label: this.widthOf(node) - 58 - depth * STEP, card: null,
      });
      this.join(above, child.id);
    });
    if (hidden) this.more.push({ x: x + 34, y: y + 56 + drawn.length * RUNG, count: hidden });
    this.bottom = Math.max(this.bottom, y + 60 + (drawn.length + Number(hidden > 0)) * RUNG);
  }

  /** @param {string} above @param {MomentNode[]} group @param {number} x @param {number} level */
  spine(above, group, x, level) {
    const y = this.top + level * LEVEL * this.k, from = this.places.get(above);
    const stack = this.stack(group);
    stack.forEach(({ child, above: boss, depth }, place) => {
      const to = {
        x: x + 42 + depth * STEP, y: y + place * RUNG, size: isSupervisor(child) ? 0.42 : 0.36, align: /** @type {const} */ ("row"),
        big: false, label: this.widthOfAll(group) - 58 - depth * STEP, card: null,
      };
      this.places.set(child.id, to);
      if (boss) this.join(boss, child.id);
      else if (from) this.edges.set(child.id, hook(from, to, x + 20, y - 22));
    });
    this.bottom = Math.max(this.bottom, y + stack.length * RUNG);
  }

  /** @param {string} above @param {string} below */
  join(above, below) {
    const from = this.places.get(above), to = this.places.get(below);
    if (from && to) this.edges.set(below, to.align === "row" ? elbow(from, to) : curve(from, to));
  }
}

/**
 * Return all processes in indented rows.
 * @param {MomentNode} root
 * @param {Set<string>} open
 * @param {Set<string>} large
 * @param {number} width
 * @param {boolean} whole
 * @returns {Layout}
 */
function rows(root, open, large, width, whole) {
  const narrow = width < NARROW, indent = narrow ? 26 : 40, right = width - 8;
  /** @type {Map<string, Place>} */ const places = new Map();
  /** @type {Map<string, Edge>} */ const edges = new Map();
  /** @type {More[]} */ const more = [];
  let y = 38, flat = false;
  /** @param {MomentNode} node @param {number} depth @param {MomentNode|null} parent */
  const row = (node, depth, parent) => {
    const supervisor = isSupervisor(node), x = 22 + depth * indent;
    const big = supervisor || (large.has(node.id) && (parent?.children.length ?? 0) <= MANY);
    if (supervisor && flat) y += CLEAR;
    flat = !big;
    const w = Math.min(narrow ? 150 : 260, right - x - 118), cx = narrow ? Math.min(right - w, x + 190) : Math.min(right - w, x + 240);
    const card = big && !supervisor && node.state !== null && w > 70 ? { x: cx, y: y - 23, w } : null;
    places.set(node.id, { x, y, size: big ? 0.62 : 0.36, align: "row", big, label: (card ? card.x : right) - x - (big ? 34 : 24), card });
    const from = parent && places.get(parent.id), to = places.get(node.id);
    if (from && to) edges.set(node.id, elbow(from, to));
    y += !big ? 32 : !whole ? 62 : supervisor ? 55 : 44; // a whole tree has no state cards
    const drawn = open.has(node.id) ? node.children : whole ? node.children.slice(0, SHOWN - 2) : [],
      hidden = node.children.length - drawn.length + node.more;
    for (const child of drawn) row(child, depth + 1, node);
    if (hidden) more.push({ x: x + indent, y: (y += 30) - 30, count: hidden });
    if (supervisor) y += 6;
  };
  row(root, 0, null);
  return { rows: true, tight: false, height: y, places, edges, more };
}

/**
 * Return a line that bends down to a spine and turns to the child.
 * @param {Place} from
 * @param {Place} to
 * @param {number} x
 * @param {number} y
 * @returns {Edge}
 */
function hook(from, to, x, y) {
  const upper = curve(from, { ...to, x, y: y + 24 * to.size }), lower = elbow({ ...from, x, y: y - 24 * from.size }, to);
  return edge(`${upper.d}${lower.d.replace(/^M[^V]*/, "")}`, [...upper.points, ...lower.points.slice(1)]);
}

/** @param {Place} from @param {Place} to @returns {Edge} */
function curve(from, to) {
  const y0 = from.y + 24 * from.size, y3 = to.y - 24 * to.size, y1 = y0 + (y3 - y0) * 0.62, y2 = y3 - (y3 - y0) * 0.62;
  const points = Array.from({ length: 25 }, (_, place) => {
    const p = place / 24, q = 1 - p, near = q ** 3 + 3 * q * q * p, far = 3 * q * p * p + p ** 3;
    return /** @type {[number, number]} */ ([
      from.x * near + to.x * far, y0 * q ** 3 + 3 * y1 * q * q * p + 3 * y2 * q * p * p + y3 * p ** 3,
    ]);
  });
  return edge(`M${from.x} ${y0}C${from.x} ${y1} ${to.x} ${y2} ${to.x} ${y3}`, points);
}

/** @param {Place} from @param {Place} to @returns {Edge} */
function elbow(from, to) {
  const x = from.x, y = to.y, y0 = from.y + 24 * from.size, end = to.x - 26 * to.size, r = Math.min(9, end - x, y - y0);
  return edge(`M${x} ${y0}V${y - r}Q${x} ${y} ${x + r} ${y}H${end}`,
    [[x, y0], [x, y - r], [x + r * 0.3, y - r * 0.3], [x + r, y], [end, y]]);
}

/**
 * Return the line of a link between two processes, for its pulse.
 * @param {Place} from
 * @param {Place} to
 * @param {boolean} inRows
 * @param {boolean} [whole]  in a drawing of a whole tree, whose links are always visible: from shape to shape, clear of the names
 */
export function link(from, to, inRows, whole = false) {
  const touch = ({ size = 1 }) => HALF * size + 1, left = Math.min(from.x - touch(from), to.x - touch(to));
  const points = Array.from({ length: 25 }, (_, place) => {
    const p = place / 24, bow = Math.sin(p * Math.PI) * (inRows ? whole ? 6 - left : 60 : whole ? -56 : 34);
    const side = whole ? touch(from) * (1 - p) + touch(to) * p : 30;
    const [dx, dy] = inRows ? [whole ? bow - side : side + bow, 0] : [Math.sign(to.x - from.x) * side * (1 - 2 * p), bow];
    return /** @type {[number, number]} */ ([from.x + (to.x - from.x) * p + dx, from.y + (to.y - from.y) * p + dy]);
  });
  return edge(`M${points.map((point) => point.join(" ")).join("L")}`, points);
}

/** @param {string} d @param {[number, number][]} points @returns {Edge} */
function edge(d, points) {
  let length = 0;
  const lengths = points.map(([x, y], place) => {
    const [px, py] = points[place - 1] ?? [x, y];
    return (length += Math.hypot(x - px, y - py));
  });
  return { d, points, lengths, length };
}

/** Return a point of a line. @param {Edge} edge @param {number} part  0 at the supervisor, 1 at the child @returns {[number, number]} */
export function pointOf({ points, lengths, length }, part) {
  const way = part * length, next = Math.max(1, lengths.findIndex((far) => far >= way));
  const [x0, y0] = points[next - 1] ?? [0, 0], [x1, y1] = points[next] ?? [x0, y0];
  const from = lengths[next - 1] ?? 0, share = (way - from) / Math.max(1e-9, (lengths[next] ?? from) - from);
  return [x0 + (x1 - x0) * share, y0 + (y1 - y0) * share];
}

/**
 * Return the place of a reason on its way along a line of a fan: it covers neither the shape of the supervisor, nor the
 * name beside it, nor that of the process. At the end it stands beside the supervisor, over no child, if it has room there.
 * @param {Edge} edge
 * @param {number} along  its place on the line, 0 at the supervisor
 * @param {number} arrived  how far it is on its way up, 0 to 1; 0 for one that goes down
 * @param {{width: number, height: number, named: boolean, free: boolean}} reason  `named`: the lower process has its name
 *   beside it; `free`: it is on a link, clear of names
 */
export function reasonPlace(edge, along, arrived, { width, height, named, free }) {
  const [x, y] = pointOf(edge, along), [bossX, y0] = pointOf(edge, 0), y1 = pointOf(edge, 1)[1], upper = Math.min(y0, y1);
  const lowest = named ? Math.max(y0, y1) - height - 6 : Infinity;
  const top = Math.min(lowest, Math.max(free ? 0 : upper + 6, y - height / 2)), beside = width / 2 + 36;
  const late = bossX - width / 2 - beside < 2 ? 0 : Math.max(0, arrived - 0.5) * 2;
  const aside = Math.min(1, late * 2), up = Math.max(0, late * 2 - 1); // first to the side, then up
  return { left: x - width / 2 + aside * (bossX - x - beside), top: top + up * (upper - 22 - height / 2 - top) };
}
