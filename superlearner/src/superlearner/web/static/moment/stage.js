/**
 * `<restart-stage>`: the fall and rise of a process. The drawing is a function of one number, its time.
 *
 * It plays, pauses and seeks; Space and the arrow keys do the same. Events: `restart-play` when it starts or stops to
 * play, `restart-time` for each new picture, `restart-placed` after the processes got their places. With the attribute
 * `fill` the drawing takes the height of the element; with `whole` every process is drawn in full size; with `live` the
 * marks of the restart limit refill after the end.
 *
 * @module
 */

import { attribute, draw, icon, make, write } from "../base/dom.js";
import { still } from "../base/motion.js";
import { counted } from "../base/words.js";
import { Actor } from "./actor.js";
import { layout, link, NARROW, pointOf, reasonPlace, touched } from "./layout.js";
import { all, picture } from "./picture.js";
import { poseOf, schedule, stageAt, stepFrom, STAGES } from "./schedule.js";
import { fallen, isRestart, namer, victim } from "./story.js";

/** @import { Edge, Layout } from "./layout.js" */
/** @import { Flight, Pulse } from "./picture.js" */
/** @import { Cue, Moment, MomentNode } from "./schedule.js" */
/**
 * `named`: the lower process has its name beside it.
 * @typedef {{pulse: Pulse, tail: SVGPathElement, chip: HTMLElement, edge: Edge|undefined, width: number, height: number,
 *   named: boolean}} Mark
 */

/** Time of a stage without motion. */
const STILL_MS = 700;
/** Time between two pictures of the marks that refill after the end. */
const REFILL_MS = 120, LONGEST_REFILL_MS = 60_000;
/** A longer pause between two frames, as in a hidden tab, stops the time. */
const LONGEST_FRAME_MS = 200;
const TAIL = 90;
const SMALLEST = 0.65;
/** The smallest scale of rows, and the low windows that need it, such as those of projectors. */
const SMALLEST_ROWS = 0.8, LOW = "(max-height: 599px) and (min-width: 700px)";
/** Pixels above and below a process in the rows layout. */
const ROUND_IT = 34;
const SHAPES = { exit: "crashed", stop: "stopped", start: "running" };
/** The two halves of a cracked shape. */
const HALVES = { left: "M-40-40H2L-3.5-18 3.5-9-4 1 4 10-2 20 2 40H-40z", right: "M40-40H2L-3.5-18 3.5-9-4 1 4 10-2 20 2 40H40z" };

export class RestartStage extends HTMLElement {
  /** @type {Moment|null} */ #moment = null;
  #score = schedule({ events: [] });
  /** @type {MomentNode[]} */ #nodes = [];
  /** @type {Layout} */ #layout = { rows: false, tight: false, height: 0, places: new Map(), edges: new Map(), more: [] };
  /** @type {Map<string, Actor>} */ #actors = new Map();
  /** @type {Map<string, SVGPathElement>} */ #wires = new Map();
  /** @type {Map<Pulse, Mark>} */ #marks = new Map();
  #drawing = make("div", { class: "drawing", role: "img" });
  #svg = draw("svg", { class: "wires", "aria-hidden": "true" });
  #more = make("div");
  #down = new Set();
  /** The newest cue to which it was scrolled. @type {Cue|null} */ #newest = null;
  #time = 0;
  #playing = false;
  #timer = 0;
  #frame = 0;
  #width = 0;
  /** Height of the element without its drawing. */
  #room = 0;
  /** The scale up to which it is drawn as large as its height allows; 0 for always the same scale. */
  #largest = 0;
  /** Distance of a reason from its line beside rows, so that it covers no name. */
  #aside = 0;
  #speed = 1;
  #scale = 1;
  /** @type {string|null} */ #ghost = null;
  #observer = new ResizeObserver(() => {
    if (this.clientWidth / this.#scale === this.#width && !this.hasAttribute("fill")) return;
    this.#arrange();
    if (this.#largest) this.fit(this.#largest);
    this.#render();
  });

  connectedCallback() {
    if (!this.#drawing.isConnected) this.append(this.#drawing);
    this.#observer.observe(this);
    this.addEventListener("keydown", this.#pressed);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    this.#stop();
    this.removeEventListener("keydown", this.#pressed);
  }

  /** The restart that is shown; another one starts before its first event. */
  get moment() {
    return this.#moment;
  }

  set moment(moment) {
    const same = moment?.id === this.#moment?.id; // it is known better now
    this.#stop();
    this.#moment = moment;
    if (!same) this.#ghost = null;
    const time = same ? this.time : 0;
    this.#score = schedule(moment ?? { events: [] });
    this.#nodes = moment ? all(moment.root) : [];
    this.#build();
    this.#arrange();
    this.#show(Math.min(time, this.#score.end));
  }

  /** Pixels from the top of the element to that of the drawing; below 0 if it is scrolled. */
  get above() {
    return this.#drawing.getBoundingClientRect().top - this.getBoundingClientRect().top;
  }

  /** The places of the processes. */
  get layout() {
    return this.#layout;
  }

  get score() {
    return this.#score;
  }

  /** Milliseconds at speed 1. */
  get time() {
    return Math.min(this.#time, this.#score.end);
  }

  /** The stage of the picture, 1 to 6; 0 before the restart. */
  get stage() {
    return stageAt(this.#score, this.#time);
  }

  get playing() {
    return this.#playing;
  }

  get speed() {
    return this.#speed;
  }

  set speed(speed) {
    this.#speed = speed;
  }

  /** The time of a play in milliseconds. */
  get duration() {
    return (still() ? STAGES.length * STILL_MS : this.#score.end) / this.#speed;
  }

  /** The ids of the processes that the picture shows as not running. @returns {ReadonlySet<string>} */
  get down() {
    return this.#down;
  }

  /** The size of the drawing, 1 by default. */
  get scale() {
    return this.#scale;
  }

  set scale(scale) {
    this.#scale = scale;
    this.#arrange();
  }

  /** Draw it as large as its height allows, now and later, up to this scale; rows are scaled below 1 only in a low window. */
  fit(largest = 1) {
    this.#largest = largest;
    if (this.#scale !== largest || !this.#width) this.scale = largest; // it may not have been arranged yet
    const { scrollHeight } = this, around = scrollHeight - this.#layout.height * largest;
    if (scrollHeight <= this.#room) return;
    const { rows } = this.#layout;
    if (rows && largest > 1) {
      this.fit();
      this.#largest = largest;
    } else if (!rows || matchMedia(LOW).matches) {
      this.scale = Math.max(rows ? SMALLEST_ROWS : SMALLEST, largest * (this.#room - around) / (scrollHeight - around));
    }
  }

  /** The strategy whose difference is outlined, or null. */
  get ghost() {
    return this.#ghost;
  }

  set ghost(strategy) {
    this.#ghost = strategy;
    this.#render();
    this.dispatchEvent(new Event("restart-time"));
  }

  /** Play from here; from the start if it is at its end. */
  play() {
    if (!this.#moment) return;
    this.#stop();
    if (this.#time >= this.#score.end) this.#time = 0;
    this.#playing = true;
    this.dispatchEvent(new Event("restart-play"));
    if (still()) this.#turn();
    else this.#run(performance.now());
  }

  pause() {
    this.#stop();
    this.#render();
  }

  /** Show the picture of a time, without playing on. @param {number} time */
  seek(time) {
    this.#stop();
    this.#show(Math.min(this.#score.end, Math.max(0, time)));
    if (this.#time >= this.#score.end) this.#refill();
  }

  /** Show the end of the stage before or after. @param {number} by  -1 or 1 */
  step(by) {
    this.seek(stepFrom(this.#score, this.time, by));
  }

  /** Show a stage where it is seen best. @param {number} stage  0 to 6 */
  pose(stage) {
    this.seek(still() ? this.#score.stages[stage] ?? 0 : poseOf(this.#score, stage));
  }

  /** Return the minimum height of the drawing at a scale. @param {number} scale */
  least(scale) {
    return this.#moment ? layout(this.#moment, this.clientWidth / scale, 1, this.hasAttribute("whole")).height * scale : 0;
  }

  /** Scroll to the process that ended first, and to the supervisor that gave up. */
  reveal() {
    if (!this.#moment) return;
    for (const id of [victim(this.#moment), fallen(this.#moment)]) this.#actors.get(id ?? "")?.element.scrollIntoView({ block: "nearest" });
  }

  /** Scroll to what happens in the stage, or to what happens now, if the drawing is taller than its view. */
  #scroll() {
    if (!this.hasAttribute("live") || !("long" in this.dataset)) return;
    const { clientHeight, stage, time } = this, { stages, cues } = this.#score;
    const now = cues.filter(({ at }) => at >= (stages[stage - 1] ?? 0) && at < (stages[stage] ?? 0)),
      newest = now.findLast(({ at }) => at < time);
    if (!newest || newest === this.#newest) return;
    this.#newest = newest;
    const reach = (/** @type {Cue[]} */ some) => {
      const rows = some.flatMap(({ id }) => this.#layout.places.get(id)?.y ?? []);
      return { top: (Math.min(...rows) - ROUND_IT) * this.#scale, end: (Math.max(...rows) + ROUND_IT) * this.#scale };
    };
    const whole = reach(now), { top, end } = whole.end - whole.top > clientHeight ? reach([newest]) : whole;
    const to = Math.max(0, Math.min(top, Math.max(this.scrollTop, end - clientHeight)));
    if (to !== this.scrollTop) this.scroll({ top: to, behavior: still() ? "auto" : "smooth" });
  }

  /** Act on Space and the arrow keys. @param {KeyboardEvent} event */
  pressed(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (event.key !== " " && !by)) return;
    event.preventDefault();
    if (by) this.step(by);
    else if (this.#playing) this.pause();
    else this.play();
  }

  #pressed = (/** @type {KeyboardEvent} */ event) => this.pressed(event);

  #stop() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    if (!this.#playing) return;
    this.#playing = false;
    this.dispatchEvent(new Event("restart-play"));
  }

  /** Play with motion. @param {number} before */
  #run(before) {
    this.#frame = requestAnimationFrame((now) => {
      this.#show(Math.min(this.#score.end, this.#time + Math.min(LONGEST_FRAME_MS, Math.max(0, now - before)) * this.#speed));
      if (this.#time < this.#score.end) return this.#run(now);
      this.#stop();
      this.#refill();
    });
  }

  /** Play without motion: one picture for each stage. */
  #turn() {
    this.#show(stepFrom(this.#score, this.#time, 1));
    if (this.#time >= this.#score.end) return this.#stop();
    this.#timer = setTimeout(() => this.#turn(), STILL_MS / this.#speed);
  }

  /** Let the marks of the restart limit refill after the end. */
  #refill() {
    if (!this.hasAttribute("live")) return;
    const windows = this.#nodes.map(({ limit }) => (limit?.[1] ?? 0) * 1000).filter((ms) => ms <= LONGEST_REFILL_MS);
    if (this.#time > this.#score.end + Math.max(0, ...windows)) return;
    this.#timer = setTimeout(() => {
      this.#time += REFILL_MS;
      this.#render();
      this.#refill();
    }, REFILL_MS);
  }

  /** @param {number} time */
  #show(time) {
    this.#time = time;
    this.#render();
    this.#scroll();
    this.dispatchEvent(new Event("restart-time"));
  }

  /** Create the elements of a moment. */
  #build() {
    const moment = this.#moment, whole = this.hasAttribute("whole"),
      parts = moment && !whole ? touched(moment) : new Set(this.#nodes.map(({ id }) => id));
    this.#actors = new Map(
      this.#nodes.map((node) => [node.id, new Actor(node, parts.has(node.id) || node.children.some(({ id }) => parts.has(id)))]));
    this.#wires = new Map(this.#nodes.slice(1).map((node) => [node.id, draw("path", { class: "wire" })]));
    this.#marks.clear();
    for (const pulse of this.#score.cues) {
      if (pulse.kind !== "go") continue;
      const chip = make("span", { class: "pulse", "data-of": pulse.of }, icon(SHAPES[pulse.of], "glyph"), pulse.text);
      this.#marks.set(pulse, {
        pulse, chip, tail: draw("path", { class: "tail", "data-of": pulse.of }), edge: undefined, width: 0, height: 0, named: false,
      });
    }
    const cuts = Object.entries(HALVES).map(([side, d]) => {
      const cut = draw("clipPath", { id: `restart-${side}` }, draw("path", { d }));
      return cut;
    });
    const marks = [...this.#marks.values()], actors = [...this.#actors.values()];
    this.#svg.replaceChildren(...cuts, ...this.#wires.values(), ...marks.map(({ tail }) => tail));
    this.#drawing.replaceChildren(this.#svg, ...actors.map(({ cards }) => cards), ...actors.map(({ element }) => element), this.#more,
      ...marks.map(({ chip }) => chip));
    if (moment) this.#drawing.ariaLabel = isRestart(moment) ? `Restart of ${namer(moment)(victim(moment))}` : moment.summary;
  }

  /** Place all elements for the present width. */
  #arrange() {
    const fills = this.hasAttribute("fill"), { scrollTop } = this;
    if (fills) this.#drawing.style.height = "0"; // the element may have grown with it
    this.#width = this.clientWidth / this.#scale;
    this.#room = this.clientHeight;
    if (!this.#moment || !this.#width) return;
    const {
      places, edges, more, rows, tight, height,
    } = (this.#layout = layout(this.#moment,
      this.clientWidth < NARROW ? Math.min(this.#width, NARROW - 1) : this.#width, // smaller rows stay rows
      fills ? (this.#room - 16) / this.#scale : 0,
      this.hasAttribute("whole")));
    this.#drawing.style.height = `${height}px`;
    this.#drawing.style.zoom = `${this.#scale}`;
    if (fills) this.scrollTop = scrollTop;
    attribute(this, "data-long", height * this.#scale > this.clientHeight + 1);
    attribute(this, "data-tight", tight);
    attribute(this, "data-rows", rows);
    this.#aside = Math.max(...this.#nodes.map(({ name }) => name.length)) * 7.8 + 60;
    for (const [id, actor] of this.#actors) actor.put(places.get(id));
    for (const [id, wire] of this.#wires) attribute(wire, "d", edges.get(id)?.d ?? "");
    for (const mark of this.#marks.values()) {
      const { id, to } = mark.pulse, from = places.get(id), other = to === null ? undefined : places.get(to);
      mark.named = from?.align === "right";
      mark.edge = to === null ? edges.get(id) : from && other && link(from, other, rows, this.hasAttribute("whole"));
      attribute(mark.tail, "d", mark.edge?.d ?? "");
      const { chip, pulse: { text } } = mark, short = text.split("(")[0] ?? "";
      if (chip.lastChild) {
        write(chip.lastChild, rows ? short : text);
        if (chip.scrollWidth > chip.clientWidth) write(chip.lastChild, short); // rather a whole word than a part of a message
      }
      mark.width = mark.chip.offsetWidth;
      mark.height = mark.chip.offsetHeight;
    }
    this.#more.replaceChildren(...more.map(({ x, y, count }) => {
      const rest = make("span", { class: "more" }, `and ${counted(count, "more child", "more children")}`);
      rest.style.transform = `translate(${x}px, ${y - 10}px)`;
      return rest;
    }));
    this.dispatchEvent(new Event("restart-placed"));
  }

  #render() {
    const calm = still(), { looks, flights } = picture(this.#nodes, this.#score, this.#time, calm);
    const stage = this.stage, ghost = stage > 3 - Number(calm) ? this.#moment?.ghosts[this.#ghost ?? ""] : undefined;
    for (const [id, look] of looks) {
      this.#actors.get(id)
        ?.show(look, ghost?.also.includes(id) ? "would restart too" : ghost?.not.includes(id) ? "would keep running" : "");
      const wire = this.#wires.get(id);
      if (wire) attribute(wire, "data-cut", look.state !== "running");
    }
    this.#down = new Set([...looks].flatMap(([id, { state }]) => (state === "running" ? [] : [id])));
    const flying = new Map(flights.map((flight) => [flight.pulse, flight]));
    for (const mark of this.#marks.values()) this.#fly(mark, flying.get(mark.pulse));
    attribute(this, "data-stage", stage);
    attribute(this.#drawing, "aria-description",
      stage && this.#moment && isRestart(this.#moment) ? `Stage ${stage} of 6: ${STAGES[stage - 1]}` : null);
  }

  /** Move a pulse along its line, its tail behind it. @param {Mark} mark @param {Flight|undefined} flight */
  #fly({ chip, tail, edge, pulse, width, height, named }, flight) {
    attribute(chip, "data-on", flight !== undefined && edge !== undefined); // without a line it has no place
    attribute(tail, "data-on", flight !== undefined && flight.part < 1);
    if (!flight || !edge) return;
    const [x, y] = pointOf(edge, flight.along), at = flight.along * edge.length, long = Math.min(TAIL, edge.length * 0.8);
    const { rows } = this.#layout, free = pulse.to !== null && this.hasAttribute("whole"); // a link keeps clear of names by itself
    const place = rows ? { left: x + (free ? 8 : this.#aside), top: y - height / 2 }
      : reasonPlace(edge, flight.along, pulse.up ? flight.part : 0, { width, height, named, free });
    chip.style.transform = `translate(${Math.min(Math.max(2, place.left), Math.max(2, this.#width - width - 2))}px, ${place.top}px)`;
    chip.style.opacity = `${Math.min(1, flight.part / 0.06)}`;
    attribute(tail, "pathLength", edge.length.toFixed(1));
    tail.style.strokeDasharray = `${long} ${edge.length + 200}`;
    tail.style.strokeDashoffset = `${pulse.up ? -at : long - at}`;
  }
}

customElements.define("restart-stage", RestartStage);
