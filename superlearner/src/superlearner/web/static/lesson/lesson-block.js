/**
 * What all blocks have in common that ask the learner for something: heading, state, failures, what is announced.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { make, root, write } from "../base/dom.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { placeOf, untouched } from "./lesson-model.js";

/** @import { Block, ItemState } from "./lesson-model.js" */

const page = () => document.getElementById("lesson");
/** Return whether the visitor may run code, or do anything but read. */
export const mayCode = () => !page()?.hasAttribute("data-no-code");
export const mayOperate = () => !page()?.hasAttribute("data-no-operate");

/** Return what a visitor lacks who may not run code. @param {string} to  what for */
export const signIn = (to) => page()?.hasAttribute("data-signed-out")
  ? html`<a href=${`${root()}/sign-in?next=${encodeURIComponent(location.pathname.slice(root().length))}`}>Sign in</a> to ${to}.`
  : html`It takes the scope <b>code</b>.`;

/** Return the element that follows on the page: the next block, or the heading of the next section. @param {HTMLElement} block */
function below(block) {
  const next = block.nextElementSibling ?? block.closest("section")?.nextElementSibling?.querySelector("h2");
  if (!(next instanceof HTMLElement)) return null;
  if (!next.hasAttribute("tabindex")) next.tabIndex = -1;
  next.id ||= `after-${block.id}`;
  return next;
}

/** An element for one block. It dispatches `lesson-changed` when the state of its block has changed. */
export class LessonBlock extends HTMLElement {
  /** @type {Block} */ block;
  /** Return the name of what follows a block; the page of the session sets it. @type {(id: string) => string} */
  static following = () => "";
  /** What went wrong with the last request. */
  failed = "";
  busy = false;
  #body = make("div", { class: "block-body" });
  #status = make("p", { class: "vh", role: "status" });

  /** @param {Block} block */
  constructor(block) {
    super();
    this.block = block;
  }

  connectedCallback() {
    if (this.#body.isConnected) return;
    this.id = placeOf(this.state.id);
    this.className = "block";
    this.tabIndex = -1;
    this.dataset.kind = this.block.kind;
    if (this.block.core) this.dataset.core = "";
    this.append(this.#body, this.#status);
    this.begin();
    this.paint();
  }

  /** @returns {ItemState} */
  get state() {
    return (this.block.state ??= untouched(this.block.id ?? ""));
  }

  /** Return what the head of the block says. @param {string} kind @param {string} [more] */
  kindWord(kind, more = "") {
    const { core, review } = this.block;
    return html`${review ? "Review · " : ""}${kind}${core || review ? "" : " · more practice"}${more}${core && !review ? html` <b
      class="core">core</b>` : nothing}`;
  }

  /** Return a link to what follows this block, which is done: what stands below it on the page. */
  nextLink() {
    const name = this.block.review ? "" : LessonBlock.following(this.state.id), next = below(this);
    if (!name || !next || next.id === "lesson-end") return nothing; // the end of the core path says what is next
    return html`<p class="next"><a href="#${next.id}" @click=${(/** @type {MouseEvent} */ event) => {
      event.preventDefault();
      next.scrollIntoView({ block: "start" });
      next.focus({ preventScroll: true });
    }}>Next: ${name}</a></p>`;
  }

  /** Return the name of the draft; a review leaves the other one alone. */
  get draftOf() {
    return this.block.review ? `review.${this.state.id}` : this.state.id;
  }

  /** Create what stays; called once. */
  begin() {}

  /** Return the content. @returns {unknown} */
  content() {
    return "";
  }

  /** Draw the content. If what had the focus is gone, what stands in its place gets it. */
  paint() {
    const here = this.contains(document.activeElement);
    render(this.content(), this.#body);
    if (!here || this.contains(document.activeElement)) return;
    const next = this.querySelector(":is(.verdict, .model, .solution)");
    (next instanceof HTMLElement ? next : this).focus({ preventScroll: true });
  }

  /** @param {string} text */
  say(text) {
    write(this.#status, text.replaceAll("`", ""));
  }

  /** Scroll the sentence of the verdict into view, as little as possible. */
  showVerdict() {
    this.querySelector(".verdict-said")?.scrollIntoView({ block: "nearest" });
  }

  /** Take over what was done. @param {Partial<ItemState>} change */
  change(change) {
    this.block.state = { ...this.state, ...change };
    this.dispatchEvent(new CustomEvent("lesson-changed", { bubbles: true }));
  }

  /**
   * Ask the server; a failure is shown, and nothing is lost.
   * @template T
   * @param {() => Promise<T>} ask
   * @param {string} kept  what stays if it fails
   * @returns {Promise<T|null>}
   */
  async ask(ask, kept) {
    if (this.busy) return null;
    this.busy = true;
    this.failed = "";
    this.paint();
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failed = [sentenceOf(error.message), kept, error.status ? error.hint : "Try again when the server is back."]
        .filter(Boolean)
        .join(" ");
      return null;
    } finally {
      this.busy = false;
      this.paint();
    }
  }
}

/** What is said if the server could not keep an answer. */
export const NOT_KEPT = "This platform has no database, so it forgets this when the page is closed.";

/** @param {string} text */
const sentenceOf = (text) => `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
