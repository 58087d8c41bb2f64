/**
 * Creation and modification of elements. Text only becomes text nodes: names, reasons and messages are never HTML.
 *
 * @module
 */

import { complete } from "./commands.js";

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string|number|boolean|null|undefined>} [attributes]  false, null: left out; true: without value
 * @param {...(Node|string|null|undefined)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) attribute(element, name, value);
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/**
 * Create an element of SVG.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string|number|boolean>} [attributes]
 * @param {...(Node|string)} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) attribute(element, name, value);
  element.append(...children);
  return element;
}

/** Return a name or a path with possible line breaks after its words. @param {string} name */
export const breakable = (name) => name.split(/(?<=[_/-])(?!\/)/).flatMap((word, place) => (place ? [make("wbr"), word] : [word]));

/** Return text with the parts between backticks as code, and commands that reach this platform. @param {string} text */
export const spoken = (text) => text.split("`").map((part, place) => (place % 2 ? make("code", {}, complete(part)) : part));

/**
 * Set an attribute, or remove it for false and null; write only changes.
 * @param {Element} element
 * @param {string} name
 * @param {string|number|boolean|null|undefined} value
 */
export function attribute(element, name, value) {
  if (value === false || value === null || value === undefined) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * @param {Node} node
 * @param {string} text
 */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Replace the children of an element, but keep equal ones with their focus and selection.
 * @param {Element} element
 * @param {Node[]} nodes
 */
export function renew(element, nodes) {
  nodes.forEach((node, place) => {
    const old = element.childNodes[place];
    if (!old) element.append(node);
    else if (!old.isEqualNode(node)) old.replaceWith(node);
  });
  while (element.childNodes.length > nodes.length) element.lastChild?.remove();
}

/**
 * Update the children of an element in place, so that focus is kept and a click ends on the element where it began.
 * Only for children without event handlers; their container handles clicks. Children with `data-key` keep their
 * identity when others are inserted before them.
 * @param {Element} element
 * @param {Node[]} nodes
 */
export function mend(element, nodes) {
  const key = (/** @type {Node|undefined} */ node) => (node instanceof HTMLElement ? node.dataset.key : undefined);
  const wanted = new Set(nodes.map(key));
  const there = new Set();
  for (const old of [...element.childNodes]) {
    if (wanted.has(key(old))) there.add(key(old));
    else old.remove();
  }
  nodes.forEach((node, place) => {
    const old = element.childNodes[place];
    if (!old) element.append(node);
    else if (key(old) !== key(node) && !there.has(key(node))) old.before(node);
    else if (old instanceof Element && node instanceof Element && key(old) === key(node) && old.nodeName === node.nodeName) {
      for (const { name } of [...old.attributes]) if (!node.hasAttribute(name)) old.removeAttribute(name);
      for (const { name, value } of node.attributes) attribute(old, name, value);
      mend(old, [...node.childNodes]);
    } else if (!old.isEqualNode(node)) old.replaceWith(node);
  });
  while (element.childNodes.length > nodes.length) element.lastChild?.remove();
}

/**
 * Return a symbol of the page's sprite.
 * @param {string} name
 * @param {string} [className]
 * @returns {SVGSVGElement}
 */
export function icon(name, className = "icon") {
  const use = draw("use", { href: `#i-${name}` });
  return draw("svg", { class: className, "aria-hidden": "true" }, use);
}

/**
 * Change the shape of an icon.
 * @param {SVGSVGElement} svg
 * @param {string} name
 */
export function reshape(svg, name) {
  const use = svg.firstElementChild;
  if (use) attribute(use, "href", `#i-${name}`);
}

/**
 * Return the nearest element around the target of an event.
 * @template {string} S
 * @param {EventTarget|null} target
 * @param {S} selector
 * @returns {(S extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[S] : HTMLElement)|null}
 */
export const closest = (target, selector) => (target instanceof Element ? target.closest(selector) : null);

/** Return the detail of a custom event. @param {Event} event @returns {any} */
export const detail = (event) => /** @type {CustomEvent} */ (event).detail;

/** Return whether keys are typed into this element. @param {EventTarget|null} target */
export const typing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));

/**
 * Return the element of the page with this id; its absence is a bug.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`This should never happen: the page has no ${type.name} #${id}.`);
  return element;
}

/** Return the path under which the platform is mounted, without a trailing slash. */
export const root = () => document.documentElement.dataset.root ?? "";

/** Return the URL of a static file in this page's version. @param {string} path  below `static` */
export const staticFile = (path) => new URL(`../${path}`, import.meta.url).href;

/** Return the node that the page shows; "" for the platform's default. */
export const chosen = () => document.documentElement.dataset.node ?? "";

/**
 * Return the query of an address of a page: the node, if it is not the platform's default, and more.
 * @param {string} [node] @param {Record<string, string>} [more]
 */
export function nodeQuery(node = chosen(), more = {}) {
  const query = new URLSearchParams({ ...(node ? { node } : {}), ...more });
  return query.size ? `?${query}` : "";
}

/** Return whether the visitor has nothing but their own things: what is about the platform is not for them. */
export const onlyOwn = () => document.documentElement.hasAttribute("data-platform");
