/**
 * The line at hand, under the pointer or with the keyboard focus, keeps its place on the screen: when other lines come
 * or go above it, the tree scrolls by their height, with free space at an end where it cannot scroll. The space goes
 * when the tree is no longer in use.
 *
 * @module
 */

export class Hand {
  #above = 0;
  #below = 0;

  /** @param {HTMLElement} list @param {HTMLElement} scroll  the element that scrolls it */
  constructor(list, scroll) {
    this.list = list;
    this.scroll = scroll;
  }

  /** True while the pointer or the focus is on the tree. */
  get here() {
    return this.list.matches(":hover") || this.list.contains(document.activeElement);
  }

  /** Make a change and keep the line at hand where it was. @param {() => void} change */
  still(change) {
    const item = this.list.querySelector("li:hover") ?? document.activeElement?.closest("li[data-key]");
    const own = item instanceof HTMLElement && this.list.contains(item) ? item : null;
    const top = own ? this.#place(own) : 0;
    change();
    if (own?.isConnected) this.#move(this.#place(own) - top, own, top);
  }

  /** Give the space back. */
  leave() {
    if (this.#above) this.scroll.scrollTop -= this.#above;
    this.#set(0, 0);
  }

  /** @param {HTMLElement} item */
  #place(item) {
    return item.getBoundingClientRect().top - this.scroll.getBoundingClientRect().top;
  }

  /** @param {number} by @param {HTMLElement} item @param {number} top  its place before */
  #move(by, item, top) {
    if (Math.abs(by) < 1) return;
    this.scroll.style.overflowAnchor = "none"; // the browser would move it a second time
    this.scroll.scrollTop += by;
    const rest = this.#place(item) - top;
    if (rest <= -1) this.#set(this.#above - rest, this.#below);
    if (rest < 1) return;
    const free = this.scroll.getBoundingClientRect().bottom - this.list.getBoundingClientRect().bottom; // of a tree that fits
    this.#set(this.#above, this.#below + rest + Math.max(0, free - this.#below));
    this.scroll.scrollTop += rest;
  }

  /** @param {number} above @param {number} below */
  #set(above, below) {
    this.#above = above;
    this.#below = below;
    this.list.style.marginTop = above ? `${above}px` : "";
    this.scroll.style.paddingBottom = below ? `${below}px` : "";
    if (!above && !below) this.scroll.style.overflowAnchor = "";
  }
}
