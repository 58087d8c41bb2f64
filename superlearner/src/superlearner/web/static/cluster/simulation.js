/**
 * The simulated members of a cluster: cards with what each of them sees, and buttons that fail them or cut their lines.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { icon, nodeQuery, root } from "../base/dom.js";
import { complain } from "../base/toast.js";
import { number } from "../base/words.js";
import { html, nothing, repeat, svg } from "../vendor/lit-html.js";
import { bare, childrenOf, lines, partition, ring, stateOf } from "./simulation-model.js";

/** @import { Line, Place, SimulatedMember, Simulation } from "./simulation-model.js" */

const SHAPES = { up: "running", apart: "stuck", failed: "crashed" };
const WHAT = "A node in the platform's program; its network is simulated";

/** True while a change is under way. */
let busy = false;

/**
 * Change the simulation, and look again.
 * @param {string} words  what it does, for an error
 * @param {"POST"|"DELETE"} method
 * @param {string} path
 * @param {unknown} body
 * @param {() => void} changed
 */
async function change(words, method, path, body, changed) {
  if (busy) return;
  busy = true;
  changed();
  try {
    await platform(method, `/cluster/simulation${path}`, body);
  } catch (error) {
    complain(error, words);
  }
  busy = false;
  changed();
}

/** @param {string} text @param {() => void} act @param {string} [label]  for a screen reader, if it has to say more */
const button = (text, act, label = text) =>
  html`<button type="button" class="btn" aria-label=${label} ?disabled=${busy} @click=${act}>${text}</button>`;

/** Offer a simulation. @param {() => void} changed */
export const offer = (changed) => html`<div class="offer"><p>Simulate three members in this platform: fail one, cut its lines, and see
    what the others do.</p><p>${button("Simulate three members",
      () => void change("Simulate", "POST", "", { nodes: 3 }, changed))}</p></div>`;

/** @param {Simulation} simulation @param {() => void} changed */
export function simulated(simulation, changed) {
  const cut = simulation.faults.some(({ kind }) => kind === "cut");
  const words = partition(simulation);
  const heal = () => void change("Heal", "POST", "/heal", {}, changed);
  const end = () => void change("End the simulation", "DELETE", "", undefined, changed);
  return html`<section class="simulation" aria-labelledby="simulation-title"><div class="head"><h2 id="simulation-title">Simulated
      members ${mark()}</h2><p class="acts">${cut ? button("Heal", heal, "Heal all lines") : nothing}${
        button("End the simulation", end)}</p></div>
    <p class="hint">They run in this platform, which sees all sides. A loss is noticed after about a second; the children start elsewhere
      after another one. <a class="link" href=${`${root()}/docs/cluster-start#simulate-a-cluster`}>What you can try</a></p>
    <p class="sides" role="status">${words}</p>
    <div class="both">${simulation.members.length > 1 ? wiring(simulation, changed) : nothing}
    <ul class="members" aria-label="Simulated members">${repeat(simulation.members, ({ name }) => name, (one) =>
      card(one, simulation, changed))}</ul></div></section>`;
}

const mark = () => html`<span class="mark" title=${WHAT}>SIMULATION</span>`;

/** @param {SimulatedMember} member @param {Simulation} simulation @param {() => void} changed */
function card(member, simulation, changed) {
  const { name, side, processes, incarnation, status } = member, { look, text } = stateOf(member, simulation);
  const act = (/** @type {string} */ words, /** @type {string} */ path, /** @type {unknown} */ body) =>
    button(words, () => void change(`${words} ${bare(name)}`, "POST", path, body, changed), `${words} ${bare(name)}`);
  const children = childrenOf(name, simulation), apart = simulation.sides.length > 1 && side !== null;
  return html`<li class="member" data-look=${look} data-member=${name} data-side=${apart ? side % 4 : nothing}>
    <h2>${icon(SHAPES[look], "glyph")}${bare(name)} ${mark()}</h2>
    <p class="hint">${apart ? `side ${side}: ` : ""}${text}</p>
    ${status === "failed" ? nothing : html`<ul class="placed" aria-label=${`Children on ${bare(name)}`}>${children.map(child)}</ul>
    <dl><dt>Processes</dt><dd>${number(processes)}</dd><dt>Incarnation</dt><dd>${incarnation}</dd></dl>`}
    <p class="acts">${status === "failed" ? act("Restart", "/restart", { node: name })
      : html`${act("Fail", "/fail", { node: name })}${simulation.members.length > 1 && !isCutOff(name, simulation)
        ? act("Cut off", "/partition", { nodes: [name] }) : nothing}<a class="link"
          href=${`${root()}/supervisors${nodeQuery(name)}`}>Open its tree</a>`}</p></li>`;
}

/** @param {{key: string, also: string[]}} one */
const child = ({ key, also }) => html`<li data-twice=${also.length ? "yes" : nothing}>${key}${
  also.length ? html` <small>also on ${also.map(bare).join(", ")}</small>` : nothing}</li>`;

/** @param {string} name @param {Simulation} simulation */
const isCutOff = (name, simulation) =>
  lines(simulation).filter(({ from, to }) => from === name || to === name).every(({ cut }) => cut === "both ways");

/**
 * Draw the members and the lines between them; a line is cut by a click, or by a drag across it.
 * @param {Simulation} simulation
 * @param {() => void} changed
 */
function wiring(simulation, changed) {
  const places = ring(simulation.members.map(({ name }) => name));
  const at = (/** @type {string} */ name) => places.get(name) ?? { x: 0, y: 0 };
  return html`<figure class="wiring"><svg viewBox="0 0 320 210" role="group" aria-label="Lines">${lines(simulation).map((line) =>
    wire(line, at(line.from), at(line.to), changed))}${simulation.members.map((one) => point(one, at(one.name), simulation))}</svg>
    <figcaption class="hint">Click a line, or drag across it, to cut it.</figcaption></figure>`;
}

/** @param {Line} line @param {Place} start @param {Place} end @param {() => void} changed */
function wire({ from, to, cut }, start, end, changed) {
  const path = `M${start.x} ${start.y}L${end.x} ${end.y}`, seen = svg`<path class="seen" d=${path} pathLength="100"></path>`;
  if (cut !== "no") {
    const words = `${bare(from)} — ${bare(to)}, cut ${cut}`;
    return svg`<g class="wire" role="img" aria-label=${words} data-cut=${cut}><title>${words}</title>${seen}</g>`;
  }
  const words = `Cut ${bare(from)} from ${bare(to)}`;
  const act = () => void change(words, "POST", "/cut", { from, to }, changed);
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  };
  return svg`<g class="wire" role="button" tabindex="0" aria-label=${words} aria-disabled=${busy ? "true" : "false"} data-cut="no"
    @click=${act} @keydown=${key} @pointerenter=${(/** @type {PointerEvent} */ event) => isDrag(event) && act()}>
    <title>${words}</title><path class="wide" d=${path}></path>${seen}</g>`;
}

/** Return whether a mouse drags; a finger that scrolls enters a line, too. @param {PointerEvent} event */
const isDrag = ({ pointerType, buttons }) => pointerType === "mouse" && buttons === 1;

/** @param {SimulatedMember} member @param {Place} place @param {Simulation} simulation */
function point(member, { x, y }, simulation) {
  const { look } = stateOf(member, simulation), count = childrenOf(member.name, simulation).length;
  const side = simulation.sides.length > 1 && member.side !== null ? member.side % 4 : nothing;
  return svg`<g class="point" aria-hidden="true" data-look=${look} data-side=${side}><circle cx=${x} cy=${y} r="22"></circle>
    <text x=${x} y=${y - 1}>${bare(member.name)}</text><text class="count" x=${x} y=${y + 12}>${
      look === "failed" ? "failed" : count}</text></g>`;
}
