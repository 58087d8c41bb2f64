/**
 * `<sl-graph>`: spots placed by the server, and weighted lines between them. Hovering or focusing a spot shows only
 * its lines. Sends `sl-pick` (the spot's key) when one is chosen.
 *
 * @module
 */

import { attribute, closest, draw, make } from "../base/dom.js";
import { counted, number } from "../base/words.js";

/** @typedef {Api.TopologySpot} Spot */
/** @typedef {Api.TopologyLine} Line */
/** @typedef {Spot & {way: [number, number]}} Placed */

/**
 * @typedef {{from: number, width: number, height: number, across: number, letters: number}} Sheet  `from`: minimum
 *   width in pixels; `across`: width of the ring
 */
/** The ring with names beside it; upright in a narrow window, to leave room for them. @type {Sheet[]} */
const SHEETS = [
  { from: 900, width: 1320, height: 900, across: 1, letters: 17 },
  { from: 560, width: 1320, height: 900, across: 0.85, letters: 22 },
  { from: 0, width: 860, height: 1000, across: 0.36, letters: 24 },
];
/** The width of a letter, relative to the font size. */
const LETTER = 0.6;
const LONGEST = 22;
/** Length of arrow heads. */
const HEAD = 13;

export class SlGraph extends HTMLElement {
  #svg = draw("svg", { role: "group", "aria-label": "Who talks to whom, as a graph" });
  #lines = draw("g", { class: "graph-lines", "aria-hidden": "true" });
  #spots = draw("g", { class: "graph-spots" });
  #text = "";
  /** @type {{spots: Spot[], lines: Line[]}} */ #known = { spots: [], lines: [] };

  connectedCallback() {
    if (this.#svg.isConnected) return;
    this.#svg.append(
      draw("defs", {},
        draw("marker", {
          id: "graph-head", viewBox: "0 0 10 10", refX: 0, refY: 5, markerWidth: HEAD, markerHeight: HEAD, markerUnits: "userSpaceOnUse",
          orient: "auto",
        },
          draw("path", { d: "M0 0 10 5 0 10z" }))),
      this.#lines, this.#spots);
    this.append(this.#svg);
    new ResizeObserver(() => this.show(this.#known.spots, this.#known.lines)).observe(this);
    for (const [name, on] of /** @type {const} */ ([
      ["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false],
    ])) {
      this.#spots.addEventListener(name, (event) => this.#look(on ? keyOf(event.target) : null));
    }
    this.#spots.addEventListener("click", (event) => this.#pick(keyOf(event.target)));
    this.#spots.addEventListener("keydown", (event) => {
      if (!(event instanceof KeyboardEvent) || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      this.#pick(keyOf(event.target));
    });
  }

  /** @param {Spot[]} spots @param {Line[]} lines */
  show(spots, lines) {
    this.#known = { spots, lines };
    const sheet = /** @type {Sheet} */ (SHEETS.find(({ from }) => this.clientWidth >= from));
    const text = JSON.stringify([sheet, spots, lines]);
    if (text === this.#text || !this.clientWidth) return;
    this.#text = text;
    attribute(this.#svg, "viewBox", `0 0 ${sheet.width} ${sheet.height}`);
    /** @type {SVGElement} */ (this.#spots).style.fontSize = `${sheet.letters}px`;
    const most = Math.max(1, ...lines.map((line) => line.messages));
    const heavy = Math.max(1, ...spots.map((spot) => spot.sent + spot.received));
    const places = new Map(spots.map((spot) => [spot.key, placed(spot, sheet)]));
    this.#lines.replaceChildren(...[...lines].reverse().flatMap((line) => {
      const [from, to] = [places.get(line.source), places.get(line.target)];
      return from && to ? [path(from, to, line, most, radiusOf(to, heavy), sheet)] : [];
    }));
    const focused = document.activeElement instanceof SVGElement && this.contains(document.activeElement)
      ? document.activeElement.dataset.key
      : undefined;
    this.#spots.replaceChildren(...[...places.values()].map((spot) => place(spot, heavy, sheet)));
    if (focused !== undefined)
      for (const one of this.#spots.children) if (one instanceof SVGElement && one.dataset.key === focused) one.focus();
  }

  /** Highlight the lines of one spot. @param {string|null} key */
  #look(key) {
    attribute(this.#svg, "data-looking", key !== null);
    for (const line of this.#lines.children)
      attribute(line, "data-near",
        key !== null && line instanceof SVGElement && (line.dataset.source === key || line.dataset.target === key));
  }

  /** @param {string|null} key */
  #pick(key) {
    if (key !== null) this.dispatchEvent(new CustomEvent("sl-pick", { detail: key }));
  }
}

/** @param {EventTarget|null} target */
function keyOf(target) {
  const spot = closest(target, "[data-key]");
  return spot instanceof SVGElement ? spot.dataset.key ?? null : null;
}

/** Return the position of a spot on a sheet, and its outward direction. @param {Spot} spot @param {Sheet} sheet @returns {Placed} */
const placed = (spot, { width, height, across }) => ({
  ...spot, x: width / 2 + (spot.x - 500) * across, y: height / 2 + spot.y - 500, way: outward(spot),
});

/**
 * @param {Placed} from
 * @param {Placed} to
 * @param {Line} line
 * @param {number} most
 * @param {number} radius  of the spot at the end
 * @param {Sheet} sheet
 */
function path(from, to, line, most, radius, sheet) {
  const [x1, y1, x2, y2] = [from.x, from.y, to.x, to.y];
  const width = 1 + 7 * Math.sqrt(line.messages / most);
  let d;
  if (from === to) {
    const [ox, oy] = from.way;
    const [sx, sy] = [-oy * 26, ox * 26];
    d = `M${x1} ${y1}C${x1 - ox * 60 + sx} ${y1 - oy * 60 + sy} ${x1 - ox * 60 - sx} ${y1 - oy * 60 - sy} ${x1} ${y1}`;
  } else {
    // Bend towards the middle and to the right of the direction, so that both directions are visible.
    const [cx, cy] = [sheet.width / 2, sheet.height / 2];
    const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2];
    const length = Math.hypot(x2 - x1, y2 - y1) || 1;
    const bend = Math.min(36, length / 6);
    const [qx, qy] = [mx + (cx - mx) * 0.35 - ((y2 - y1) / length) * bend, my + (cy - my) * 0.35 + ((x2 - x1) / length) * bend];
    const way = Math.hypot(qx - x2, qy - y2) || 1;
    const stop = (radius + HEAD) / way;
    d = `M${x1} ${y1}Q${qx} ${qy} ${x2 + (qx - x2) * stop} ${y2 + (qy - y2) * stop}`;
  }
  const element = draw("path", {
    d, "data-source": line.source, "data-target": line.target, "marker-end": from === to ? false : "url(#graph-head)",
  });
  element.style.strokeWidth = `${width.toFixed(1)}px`;
  return element;
}

/** Return the unit vector from the middle to a spot. @param {Spot} spot @returns {[number, number]} */
function outward(spot) {
  const [x, y] = [spot.x - 500, spot.y - 500];
  const length = Math.hypot(x, y);
  return length < 1 ? [0, -1] : [x / length, y / length];
}

/** @param {Spot} spot @param {number} heavy */
const radiusOf = (spot, heavy) => 6 + 10 * Math.sqrt((spot.sent + spot.received) / heavy);

/** @param {Placed} spot @param {number} heavy @param {Sheet} sheet */
function place(spot, heavy, sheet) {
  const [ox, oy] = spot.way;
  const radius = radiusOf(spot, heavy);
  const x = ox * (radius + 9);
  const side = Math.abs(ox) > 0.25 * sheet.across ? Math.sign(ox) : 0; // the side of the spot for its name
  const room = side ? (side > 0 ? sheet.width - spot.x : spot.x) - Math.abs(x) : 2 * Math.min(spot.x, sheet.width - spot.x);
  const longest = Math.min(LONGEST, Math.floor(room / (sheet.letters * LETTER)));
  const label = spot.processes > 1 ? `${spot.name} (${number(spot.processes)})` : spot.name;
  const text = draw("text", {
    x, y: oy * (radius + 12) + 4, "text-anchor": side > 0 ? "start" : side ? "end" : "middle",
  }, label.length > longest ? `${label.slice(0, longest - 1)}…` : label);
  const words = `${label}: sent ${number(spot.sent)}, received ${counted(spot.received, "message")}`;
  const shape = spot.processes > 1
    ? draw("rect", { x: -radius, y: -radius, width: 2 * radius, height: 2 * radius, rx: 4 })
    : draw("circle", { r: radius });
  const group = draw("g", {
    transform: `translate(${spot.x} ${spot.y})`, "data-key": spot.key, "data-folded": spot.processes > 1, tabindex: 0, role: "button",
    "aria-label": words,
  },
    draw("title", {}, spot.what && spot.processes === 1 ? `${words} · ${spot.what}` : words),
    shape, text);
  return group;
}

customElements.define("sl-graph", SlGraph);

/**
 * Return the same data as a matrix: senders in rows, receivers in columns, messages in cells.
 * @param {Spot[]} spots
 * @param {Line[]} lines
 */
export function matrix(spots, lines) {
  const senders = spots.filter((spot) => spot.sent);
  const receivers = spots.filter((spot) => spot.received);
  const most = Math.max(1, ...lines.map((line) => line.messages));
  const known = new Map(lines.map((line) => [`${line.source}\n${line.target}`, line]));
  const table = make("table", { class: "matrix" },
    make("caption", { class: "vh" }, "Messages from the process of the row to that of the column"),
    make("thead", {},
      make("tr", {}, make("td", {}, "from \\ to"),
        ...receivers.map((spot) => make("th", { scope: "col", title: spot.name }, make("span", {}, spot.name))))),
    make("tbody", {},
      ...senders.map((from) => make("tr", {}, make("th", { scope: "row", title: from.name }, from.name), ...receivers.map((to) => {
        const line = known.get(`${from.key}\n${to.key}`);
        const cell = make("td", { class: "num", title: line ? `${from.name} to ${to.name}: ${counted(line.messages, "message")}` : null },
          line ? number(line.messages) : "");
        if (line) cell.style.setProperty("--heat", `${Math.round(5 + 31 * Math.sqrt(line.messages / most))}%`);
        return cell;
      })))));
  return table;
}
