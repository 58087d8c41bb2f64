/**
 * The map of the cluster: the keys of each member, and where they would go if a member left.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { icon } from "../base/dom.js";
import { counted } from "../base/words.js";
import { html, nothing, repeat } from "../vendor/lit-html.js";
import { cutText, rows } from "./map-model.js";
import { shortMember } from "./placed-model.js";

/** @import { Row, Tile } from "./map-model.js" */

/** Keys of a member that are shown. */
const SHOWN = 60;

/** The member that would leave. */
let without = "";
/** The key that is tried. */
let tried = "";

/** Return the answer for the present choice. @returns {Promise<Api.ClusterMap>} */
export async function askMap() {
  const member = without;
  try {
    return await platform("GET", `/cluster/map?${new URLSearchParams({ ...tried && { key: tried }, ...member && { without: member } })}`);
  } catch (error) {
    if (!member) throw error;
    if (without === member) without = ""; // it has left meanwhile
    return askMap();
  }
}

/** @param {Api.ClusterMap} found @param {() => void} changed  called after a choice */
export function map(found, changed) {
  const choose = (/** @type {string} */ name) => { without = without === name ? "" : name; changed(); };
  const alone = found.members.length < 2;
  return html`<p class="hint">A hash decides which member a key belongs to; the placement of its
    supervisor decides about a child. When a member leaves, only what it has moves.${alone
    ? " With a second member, you can see where that would be."
    : " Choose a member to see where its children would go."}</p>
    ${found.sides?.length ? html`<p class="note" data-level="bad">${cutText(found)}</p>` : nothing}
    <form class="try-key" @submit=${(/** @type {Event} */ event) => event.preventDefault()}><label>Try a key <input
      type="text" maxlength="200" autocomplete="off" spellcheck="false" placeholder="for example, cart-7"
      @input=${(/** @type {{target: HTMLInputElement}} */ { target }) => {
        tried = target.value.trim();
        changed();
      }}></label><output aria-live="polite">${found.tried ? answer(found.tried, Boolean(found.sides?.length)) : nothing}</output></form>
    <ol class="map" aria-label="Members">${repeat(rows(found), ({ name }) => name, (row) => one(row, alone, choose))}</ol>`;
}

/** @param {Api.MapKey} key @param {boolean} cut */
const answer = ({ node, goes_to: next }, cut) =>
  html`belongs to <b>${shortMember(node)}</b>${cut ? " without the cut" : nothing}${next === null
    ? nothing
    : html`, then to <b>${shortMember(next)}</b>`}`;

/** @param {Row} row @param {boolean} alone @param {(name: string) => void} choose */
const one = ({ name, share, leaves, tiles }, alone, choose) => html`<li data-leaves=${leaves ? "yes" : nothing} data-member=${name}>
    <div class="of"><b>${shortMember(name)}</b><span class="hint">${leaves ? "leaves" : `${Math.round(share * 100)} % of all keys`}</span>
      <meter min="0" max="1" value=${share} aria-label=${`Share of ${shortMember(name)}`}></meter>
      ${alone ? nothing : html`<button type="button" class="btn" aria-pressed=${leaves} @click=${() => choose(name)}>${leaves
        ? "Undo"
        : "If it left"}</button>`}</div>
    ${tiles.length
      ? html`<ul class="tiles" aria-label=${`Keys of ${shortMember(name)}`}>${tiles.slice(0, SHOWN).map(tile)}${tiles.length > SHOWN
        ? html`<li class="hint">and ${counted(tiles.length - SHOWN, "more", "more")}</li>`
        : nothing}</ul>`
      : html`<p class="hint">No child of a distributed supervisor runs here.</p>`}</li>`;

/** @param {Tile} tile */
const tile = ({ key, look, other, also }) => html`<li class="badge" data-look=${look}>${look === "comes"
  ? icon("restarting", "glyph")
  : nothing}<span>${key}</span>${other === null
  ? also.length ? html`<small>also on ${also.map(shortMember).join(", ")}</small>` : nothing
  : html`<small>${look === "comes" ? "from" : "to"} ${shortMember(other)}</small>`}</li>`;
