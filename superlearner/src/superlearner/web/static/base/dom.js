/**
 * Making and changing elements. Text goes in as text nodes only: no name, reason or message is ever read as HTML.
 *
 * @module
 */

const SVG = "http://www.w3.org/2000/svg";

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

/** A name that may go on in a second line after each of its words. @param {string} name */
export const breakable = (name) => name.split(/(?<=_)/).flatMap((word, place) => (place ? [make("wbr"), word] : [word]));

/** Words, with what stands between backticks as code. @param {string} text */
export const spoken = (text) => text.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part));

/**
 * Sets, or with false and null removes, an attribute; writes only what changes.
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
 * Gives an element these children and leaves those that are equal alone, with their focus and selection.
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
 * Gives an element these children and changes those it has in place, so that the focus stays and a click that has begun
 * ends where it began. Only for elements without handlers of their own: what holds them hears the clicks. Children with
 * `data-key` stay what they are, whatever comes before them.
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
 * One of the shapes of the sprite in the page.
 * @param {string} name
 * @param {string} [className]
 * @returns {SVGSVGElement}
 */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Changes the shape of an icon.
 * @param {SVGSVGElement} svg
 * @param {string} name
 */
export function reshape(svg, name) {
  const use = svg.firstElementChild;
  if (use) attribute(use, "href", `#i-${name}`);
}

/**
 * The element of the page with this id; a page without it is our bug.
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

/** The address below which the platform is mounted, without a slash at the end. */
export const root = () => document.documentElement.dataset.root ?? "";

/** The address of a static file of the version that this page has. @param {string} path  below `static` */
export const staticFile = (path) => new URL(`../${path}`, import.meta.url).href;

/** The node that the page shows; "" for the one that is meant where none is named. */
export const chosen = () => document.documentElement.dataset.node ?? "";
