/**
 * `<placed-children>`: the children of the distributed supervisors, their last moves and conflicts, and a picture in which
 * a child falls on one member and rises on another. Moves are played one after the other.
 *
 * @module
 */

import { requestOn } from "../base/api.js";
import { icon, make, nodeQuery, root, spoken } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { counted, number, time } from "../base/words.js";
import { NARROW } from "../moment/layout.js";
import { RestartStage } from "../moment/stage.js";
import { sentence } from "../moment/story.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { fresh, linesOf, portrait, shortMember, supervisors } from "./placed-model.js";

/** @import { Moment } from "../moment/schedule.js" */
/** @import { Entry, Move, Placed } from "./placed-model.js" */

/** How long the end of a move stays. */
const REST_MS = 2500;
/** The height of the rows that a move needs besides: a lost member, and its child. */
const FALLEN = 99;
/** Lines of moves that are shown. */
const LINES = 10;
/** Children of a supervisor that are listed. */
const LISTED = 100;

export class PlacedChildren extends HTMLElement {
  #stage = new RestartStage();
  #said = make("p", { class: "said" });
  #picture = make("div", { class: "ground" }, this.#stage, this.#said);
  #text = make("div");
  /** @type {Set<string>|null} */ #seen = null;
  /** @type {Move[]} */ #waiting = [];
  /** @type {Placed[]} */ #placed = [];
  /** The supervisor in the picture. */ #name = "";
  #known = "";
  #id = -1;
  #busy = false;
  #height = 0;

  connectedCallback() {
    if (this.#text.isConnected) return;
    this.#stage.setAttribute("fill", "");
    this.#stage.addEventListener("restart-time", () => this.#say());
    this.#stage.addEventListener("restart-placed", () => this.#grow());
    this.append(this.#picture, this.#text);
  }

  /** @param {readonly Entry[]} entries @param {readonly Move[]} moves @param {readonly Api.Stranded[]} stranded */
  show(entries, moves, stranded) {
    this.#placed = supervisors(entries);
    this.hidden = !this.#placed.length && !moves.length && !stranded.length;
    const help = html`<p class="hint">A child runs on one member. When that member is lost or leaves, it starts on another one. <a
      class="link" href=${`${root()}/docs/cluster#watch-moves`}>How children move</a></p>`;
    render(html`${stranded.map(({ text }) => html`<p class="note" data-level="bad">${spoken(text)}</p>`)}${
      this.#placed.length ? help : nothing}${this.#placed.map(children)}
    <section><h2>Moves and conflicts</h2>${moves.length
      ? list(moves)
      : html`<p class="hint">No child has moved yet. Stop a member to see its children start on the others.</p>`}</section>`, this.#text);
    this.#waiting.push(...fresh(moves, this.#seen));
    this.#seen = new Set(moves.map(({ ref }) => ref));
    if (this.#busy) return;
    if (this.#waiting.length) void this.#play();
    else this.#rest();
  }

  async #play() {
    this.#busy = true;
    for (let move = this.#waiting.shift(); move && !document.hidden; move = this.#waiting.shift()) {
      try {
        const moment = await requestOn(move.node, "GET", `/restarts/${move.ref}`);
        this.#name = moment.root.id;
        this.#draw(moment);
        await new Promise((done) => {
          const ended = () => {
            if (this.#stage.playing) return;
            this.#stage.removeEventListener("restart-play", ended);
            setTimeout(done, this.#waiting.length ? 0 : REST_MS);
          };
          this.#stage.addEventListener("restart-play", ended);
          this.#stage.play();
        });
      } catch {
        // its member is gone: the list has its sentence
      }
    }
    this.#busy = false;
    this.#known = "";
    this.#rest();
  }

  /** Draw where the children run now. */
  #rest() {
    const placed = this.#placed.find(({ name }) => name === this.#name) ?? this.#placed[0], known = JSON.stringify(placed ?? null);
    this.#picture.hidden = !placed && !this.#busy;
    if (!placed || known === this.#known) return;
    this.#known = known;
    this.#draw(portrait(placed, (this.#id -= 1)));
    this.#say();
  }

  /** @param {Moment} moment */
  #draw(moment) {
    this.#stage.toggleAttribute("whole", this.clientWidth < NARROW); // else a narrow picture leaves the children out
    this.#stage.moment = moment;
    this.#stage.fit();
  }

  /** Keep the height that a picture once needed, so that nothing below it moves. */
  #grow() {
    const { layout: { height, rows }, scale, moment } = this.#stage, more = rows && moment && moment.id < 0 ? FALLEN : 0;
    if (height * scale + more <= this.#height) return;
    this.#height = height * scale + more;
    this.#picture.style.setProperty("--need", `${Math.ceil(this.#height)}px`);
  }

  #say() {
    const { moment, stage } = this.#stage;
    if (moment) this.#said.textContent = moment.id < 0 ? "Where each child runs now." : sentence(moment, stage);
  }
}

customElements.define("placed-children", PlacedChildren);

/** @param {Placed} placed */
const children = ({ name, children: all, members, places }) => html`<section><h2>${name} <small>${
  counted(places.size, "child", "children")} on ${counted(members.length, "member")}${twice([...places.values()])}</small></h2>
  <div class="scroll"><table class="table" aria-label=${`Children of ${name}`}><thead><tr><th scope="col">Child</th>
    <th scope="col">Member</th><th scope="col">Since</th></tr></thead><tbody>
    ${repeat(all.slice(0, LISTED), ({ key, node, pid }) => `${key} ${node} ${pid}`, (one) =>
      html`<tr data-child=${one.key} data-member=${one.node ?? ""}><th scope="row">${one.pid
        ? html`<a href=${`${root()}/supervisors${nodeQuery(one.node ?? "", { process: one.pid })}`}>${one.key}</a>`
        : one.key}</th><td>${one.node
          ? html`${shortMember(one.node)}${also(one, places)}` : html`<span class="waits">starts elsewhere soon</span>`}</td>
      <td class="when">${one.since ? time(one.since) : ""}</td></tr>`)}</tbody></table></div>${all.length > LISTED
        ? html`<p class="hint">The first ${LISTED} are shown.</p>` : nothing}</section>`;

/** Count the children that run on both sides of a partition. @param {string[][]} places */
function twice(places) {
  const count = places.filter((members) => members.length > 1).length;
  return count ? html`, <span class="waits">${number(count)} on more than one</span>` : nothing;
}

/** Name the other members on which a child runs. @param {Entry} child @param {Placed["places"]} places */
function also({ key, node }, places) {
  const others = (places.get(key) ?? []).filter((one) => one !== node);
  return others.length ? html` <small>also on ${others.map(shortMember).join(", ")}</small>` : nothing;
}

/** @param {readonly Move[]} moves */
const list = (moves) => html`<ol class="happened moves">${repeat(linesOf(moves).slice(0, LINES), (one) => one.moves.at(-1)?.ref, (one) =>
  one.moves.length > 1
    ? line(one.moves, html`<details><summary>${one.text}</summary><ol class="happened">${repeat(one.moves, ({ ref }) => ref, single)}</ol>
      </details>`)
    : one.moves.map(single))}</ol>`;

/** @param {readonly Move[]} moves  the last one is the first that happened @param {unknown} content */
const line = (moves, content) => moves.slice(-1).map((one) => html`<li data-what=${one.conflict ? "conflict" : "move"}>${icon(one.conflict
  ? "stopped" : "restarting", "glyph")}<time datetime=${new Date(one.at * 1000).toISOString()}>${time(one.at)}</time>${content}</li>`);

/** @param {Move} one */
const single = (one) => line([one], html`<span>${one.text} <a class="link"
  href=${whyAddress(one.ref, one.node)} aria-label=${`Watch: ${one.text}`}>Watch</a></span>`);
