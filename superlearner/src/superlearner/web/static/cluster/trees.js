/**
 * The supervision trees of all members, one below the other; each row leads to its process on its node.
 *
 * @module
 */

import { icon, root } from "../base/dom.js";
import { counted, number } from "../base/words.js";
import { html, nothing } from "../vendor/lit-html.js";

/**
 * @typedef {{id: string|null, pid: string|null, name: string|null, what: string, type: string, status: string,
 *   restarts: number, last_exit: string|null, strategy?: string|null, more: number, children: Branch[]|null}} Branch
 * @typedef {{node: string, partial: boolean, roots: Branch[]|null}} Tree
 */

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

/** Count the processes in branches. @param {Branch[]} branches @returns {number} */
const size = (branches) => branches.reduce((sum, { pid, more, children }) => sum + Number(pid !== null) + more + size(children ?? []), 0);

/** @param {string} node @param {Branch} one @returns {unknown} */
function branch(node, one) {
  if (!one.children) return html`<li>${row(node, one)}</li>`;
  if (!one.children.length) return html`<li>${row(node, one)}${one.more ? more(one.more) : nothing}</li>`;
  return html`<li>${row(node, one)}<details
    ?open=${one.children.length <= OPEN}><summary>${counted(one.children.length + one.more,
      "child",
      "children")}</summary>
    <ul>${one.children.map((child) => branch(node, child))}${one.more ? html`<li>${more(one.more)}</li>` : nothing}</ul></details></li>`;
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
    ${one.restarts ? html`<small>${counted(one.restarts, "restart")}</small>` : nothing}</span>`;
}
