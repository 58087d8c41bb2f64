/**
 * The menu of a row in the process list, opened by right click, menu key or the row's button.
 *
 * @module
 */

import { make } from "../base/dom.js";

/** @typedef {{text: string, key?: string, href?: string, run?: () => void, danger?: boolean}} Item */

/**
 * Open a menu at a position in the window; restore the focus when it closes.
 * @param {HTMLElement} menu  an element with popover
 * @param {string} label
 * @param {Item[]} items
 * @param {number} x
 * @param {number} y
 */
export function openMenu(menu, label, items, x, y) {
  const before = document.activeElement;
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", label);
  menu.replaceChildren(...items.map((item) => {
    const shape = { role: "menuitem", tabindex: -1, class: item.danger ? "danger" : null };
    const words = [make("span", {}, item.text), item.key ? make("kbd", { "aria-hidden": "true" }, item.key) : null];
    if (item.href) return make("a", { ...shape, href: item.href }, ...words);
    const button = make("button", { ...shape, type: "button" }, ...words);
    button.onclick = () => {
      menu.hidePopover();
      item.run?.();
    };
    return button;
  }));
  menu.onkeydown = (event) => move(menu, event);
  menu.ontoggle = (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "closed" && before instanceof HTMLElement
      && (document.activeElement === document.body || menu.contains(document.activeElement)))
      before.focus({ preventScroll: true });
  };
  menu.showPopover();
  const box = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(x, innerWidth - box.width - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(y, innerHeight - box.height - 8))}px`;
  /** @type {HTMLElement|null} */ (menu.firstElementChild)?.focus();
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function move(menu, event) {
  const items = /** @type {HTMLElement[]} */ ([...menu.children]);
  const at = items.findIndex((one) => one === document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  items[(to + items.length) % items.length]?.focus();
}
