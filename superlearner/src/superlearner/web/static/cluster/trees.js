/**
 * The supervision trees of all members and attached services, one below the other; each row leads to its process on its node.
 *
 * @module
 */

import { icon, root } from "../base/dom.js";
import { counted, number } from "../base/words.js";
import { html, nothing } from "../vendor/lit-html.js";
import { restartsText } from "../live/model.js";
import { size } from "./cluster-model.js";

/** @import { Branch } from "./cluster-model.js" */

/** @typedef {{node: string, partial: boolean, roots: Branch[]|null}} Tree */

/** A supervisor with more children is folded at first. */
const OPEN = 20;
/** The supervisor of what runs on a platform's node; it is the platform's. */
const PLAYGROUND = "playground";

/** @param {Tree[]} all */
export const trees = (all) => all.map(({ node, partial, roots }) => {
  const tops = (roots ?? []).flatMap((top) => (top.name === PLAYGROUND && !top.more ? top.children ?? [] : [top]));
  return html`<section class="forest" aria-label=${`Tree of ${node}`}>
  <h2>${node} <small>${counted(size(tops), "process", "processes")} under supervisors${partial ? ", some of them not shown" : ""}</small>
    <a class="btn" href=${`${root()}/supervisors?node=${encodeURIComponent(node)}`}>Open its tree</a></h2>
  ${tops.length ? html`<ul>${tops.map((one) => branch(node, one))}</ul>` : html`<p class="hint">It runs no supervisor.</p>`}</section>`;
});

/** @param {string} node @param {Branch} one @returns {unknown} */
function branch(node, one) {
  const { children, more: hidden = 0 } = one;
  if (!children) return html`<li>${row(node, one)}</li>`;
  if (!children.length) return html`<li>${row(node, one)}${hidden ? more(hidden) : nothing}</li>`;
  return html`<li>${row(node, one)}<details
    ?open=${children.length <= OPEN}><summary>${counted(children.length + hidden,
      "child",
      "children")}</summary>
    <ul>${children.map((child) => branch(node, child))}${hidden ? html`<li>${more(hidden)}</li>` : nothing}</ul></details></li>`;
}

/** @param {number} count */
const more = (count) => html`<span class="hint">${number(count)} more</span>`;

/** @param {string} node @param {Branch} one */
function row(node, one) {
  const id = one.id === "None" ? null : one.id; // a dynamic child has none
  const name = one.name ?? id ?? [one.what, one.pid].join(" ");
  const shape = one.status !== "running" ? (one.status === "restarting" ? "restarting" : "stopped")
    : one.type === "supervisor" ? "supervisor"
    : "running";
  return html`<span class="one" data-status=${one.status}>${icon(shape, "glyph")}
    ${one.pid === null
      ? html`<b>${name}</b>`
      : html`<a href=${`${root()}/supervisors?node=${encodeURIComponent(node)}&process=${encodeURIComponent(one.pid)}`}>${name}</a>`}
    ${name.startsWith(one.what) ? nothing : html`<small>${one.what}</small>`}
    ${one.strategy ? html`<small>${one.strategy}</small>` : nothing}
    ${one.status === "running" ? nothing : html`<small>${one.status}</small>`}
    ${restartsText(one) ? html`<small>${restartsText(one)}</small>` : nothing}</span>`;
}
