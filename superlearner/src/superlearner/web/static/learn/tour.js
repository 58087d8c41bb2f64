/**
 * The tour in progress: a strip at the lower edge of every page. It takes space from the page instead of covering it,
 * and ticks off a step when an event of the platform shows that it is done.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { complete, quoted } from "../base/commands.js";
import { chosen, make, renew, root, staticFile, write } from "../base/dom.js";
import { happened, pieces, shown, targetOf, typeOf } from "./tour-conditions.js";
import { askedFor, beginning, learn, learned, place, setPlace } from "./tour-place.js";

/** A page updates its URL shortly after a choice. */
const SETTLED_MS = 300;

/** @typedef {HTMLElement & {present(name: string): boolean}} Tree */

/** Return a text with its code; commands name the node. @param {string} text @param {string} [node] */
const rich = (text, node = "") => pieces(text).map((one) => (one.code
  ? make("code", {}, complete(one.text) + (node && one.text.split(" ")[1] === "process" ? ` --node ${quoted(node)}` : ""))
  : document.createTextNode(one.text)));

/** Return a page's URL including the root. @param {string} address @param {Record<string, string>} [words] */
function address(address, words = {}) {
  const url = new URL(address, location.origin);
  for (const [name, value] of Object.entries(words)) url.searchParams.set(name, value);
  return `${root()}${url.pathname}${url.search}${url.hash}`;
}

class SlTour extends HTMLElement {
  /** @type {Api.LearningTour|null} */ #tour = null;
  #place = place() ?? beginning("");
  /** @type {EventSource|null} */ #stream = null;
  #hinted = false;

  #name = make("b", {});
  #dots = make("ol", { class: "tour-dots", "aria-label": "Steps" });
  #title = make("h2", { id: "tour-title", tabindex: "-1" });
  #text = make("p", { class: "tour-text" });
  #more = make("p", { class: "tour-more" });
  #said = make("p", { class: "vh", role: "status" });
  #lost = make("p", { class: "tour-lost", role: "status", hidden: true }, "The platform does not answer. The tour waits for it.");
  #hint = make("button", { type: "button", class: "btn quiet", "aria-expanded": "false" }, "Hint");
  #there = make("a", { class: "btn" }, "Go there");
  #next = make("button", { type: "button", class: "btn primary" }, "Next step");
  #small = make("button", { type: "button", class: "btn quiet" }, "Fold");
  #end = make("button", { type: "button", class: "btn quiet" }, "End tour");

  connectedCallback() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Tour");
    this.append(
      make("div", { class: "tour-head" }, this.#name, this.#dots),
      make("div", { class: "tour-body" }, this.#title, this.#text, this.#more, this.#lost),
      make("div", { class: "tour-acts" }, this.#hint, this.#there, this.#next, this.#small, this.#end), this.#said);
    this.#hint.onclick = () => {
      this.#hinted = !this.#hinted;
      this.#draw();
    };
    this.#next.onclick = () => this.#goOn();
    this.#small.onclick = () => this.#keep({ small: !this.#place.small });
    this.#end.onclick = () => this.#leave();
    this.#there.onclick = () => void (this.#step || setPlace(null));
  }

  /** @param {Api.LearningTour} tour */
  begin(tour) {
    this.#tour = tour;
    this.#draw();
    this.#aim();
    void this.#watch();
    const look = () => setTimeout(() => this.#look(), SETTLED_MS);
    const { navigation } = /** @type {{navigation?: EventTarget}} */ (/** @type {unknown} */ (window));
    if (navigation) navigation.addEventListener("currententrychange", () => this.#look());
    else for (const type of ["click", "keyup", "popstate"]) addEventListener(type, look);
    addEventListener("pagehide", () => this.#stream?.close());
    addEventListener("pageshow", (event) => void (event.persisted && this.#watch()));
  }

  /** @returns {Api.LearningStep|null} */
  get #step() {
    return this.#tour?.steps[this.#place.step] ?? null;
  }

  /** Scroll the process that the step is about into view, beside the strip. */
  #aim() {
    const step = this.#step, tree = /** @type {Tree|null} */ (document.querySelector("sl-tree"));
    const name = step && !this.#place.ticked && this.#isThere(step) ? targetOf(step) : "";
    if (!name || !tree?.present) return;
    const show = () => tree.present(name);
    requestAnimationFrame(() => show() || tree.addEventListener("sl-arranged", show, { once: true }));
  }

  /** @param {Partial<import("./tour-place.js").Place>} change */
  #keep(change) {
    this.#place = { ...this.#place, ...change };
    setPlace(this.#place);
    this.#draw();
  }

  /** Wait for the page or an event to complete the step. */
  async #watch() {
    this.#stream?.close();
    const step = this.#step;
    if (!step || this.#place.ticked || this.#look()) return;
    const type = typeOf(step.done);
    if (!type) return;
    const node = step.done.kind === "operation" ? document.documentElement.dataset.platform ?? "" : this.#place.home;
    const there = node && `&node=${encodeURIComponent(node)}`;
    if (node !== this.#place.node) this.#keep({ after: "", node });
    if (!this.#place.after) {
      try { // start now, in case the event comes while the next page loads
        this.#keep({ after: String((await platform("GET", `/events?limit=1&timeout_ms=1${there}`))?.last_id ?? "") });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
    if (step !== this.#step) return;
    const query = new URLSearchParams({ types: type, ...(this.#place.after ? { last_id: this.#place.after } : {}) });
    const stream = (this.#stream = new EventSource(`${root()}/api/v1/events?${query}${there}`));
    stream.onopen = () => {
      this.#lost.hidden = true;
      this.dataset.waits = type;
    };
    stream.onerror = () => void (this.#lost.hidden = false);
    stream.addEventListener(type, (message) => {
      const event = JSON.parse(message.data);
      this.#place.after = message.lastEventId;
      if (stream === this.#stream && happened(step.done, event, document.documentElement.dataset.user ?? ""))
        this.#tick(String(event.text ?? ""));
    });
  }

  /** Check whether the page completes the step. */
  #look() {
    const step = this.#step;
    if (!step || this.#place.ticked || chosen() !== this.#place.home
      || !shown(step.done, location.pathname.slice(root().length), new URLSearchParams(location.search)))
      return false;
    this.#tick("");
    return true;
  }

  /** @param {string} said  text of the platform's event */
  #tick(said) {
    const { tour, step } = this.#place;
    this.#stream?.close();
    this.#hinted = false;
    learn(tour, step + 1);
    this.#keep({ ticked: true, said });
    write(this.#said, `Step ${step + 1} is done. ${this.#step?.seen ?? ""}`);
  }

  #goOn() {
    const tour = this.#tour;
    if (!tour) return;
    const step = this.#place.step + 1;
    this.#keep({ step, ticked: false, said: "", small: false, over: step >= tour.steps.length });
    this.#title.focus();
    this.#aim();
    void this.#watch();
  }

  #leave() {
    this.#stream?.close();
    setPlace(null);
    this.remove();
  }

  #draw() {
    const tour = this.#tour;
    if (!tour) return;
    const { step: at, ticked, said, small, home } = this.#place;
    /** @type {Record<string, string>} */ const words = home ? { node: home } : {};
    const step = this.#step;
    this.toggleAttribute("data-small", small);
    this.toggleAttribute("data-ticked", ticked || !step);
    this.toggleAttribute("data-hinted", this.#hinted && step !== null && !ticked);
    write(this.#name, tour.title);
    renew(this.#dots,
      tour.steps.map((one, place) =>
        make("li", { "data-done": place < at || (place === at && ticked), "aria-current": place === at && "step" },
          make("span", { class: "vh" }, `${one.title}${place < at || (place === at && ticked) ? ", done" : ""}`))));
    write(this.#title, !step ? "You have done it" : `${at + 1} of ${tour.steps.length} · ${step.title}`);
    this.#next.hidden = !step || !ticked;
    write(this.#next, at + 1 < tour.steps.length ? "Next step" : "Finish");
    this.#hint.hidden = !step || ticked || small;
    this.#hint.setAttribute("aria-expanded", String(this.#hinted));
    write(this.#small, small ? "Unfold" : "Fold");
    write(this.#end, step ? "End tour" : "Close");
    this.#there.hidden = !step ? false : ticked || this.#isThere(step);
    this.#there.href = address(step ? step.page : "/learn", words);
    write(this.#there, step ? `Go to ${new URL(step.page, location.origin).pathname}` : "Back to the path");
    if (!step) {
      this.#text.replaceChildren(...rich(tour.learned), " ", make("a", { href: tour.docs }, "Read on"));
      this.#more.replaceChildren();
    } else if (ticked) {
      this.#text.replaceChildren(...rich(step.seen), " ", make("a", { href: step.concept }, "The word for it"));
      this.#more.replaceChildren(...(said ? [make("code", {}, said.slice(0, 300))] : []));
    } else {
      const lacks = tour.here
        ? ""
        : `This tour is about ${tour.needs.join(", ")} of the demo, and `
          + `${home ? "not all of its steps work on this node" : "not all of them run here"}. Start it with \`superlearner run\`, `
          + `without a file, or in a sandbox: choose a demo in the Playground.`;
      this.#text.replaceChildren(...rich(step.text, home));
      this.#more.replaceChildren(...rich(this.#hinted ? step.hint : lacks, home));
    }
    this.#more.hidden = this.#more.childNodes.length === 0;
  }

  /** @param {Api.LearningStep} step */
  #isThere(step) {
    const wanted = new URL(step.page, location.origin);
    if (chosen() !== this.#place.home) return false;
    return location.pathname === `${root()}${wanted.pathname}`
      && [...wanted.searchParams].every(([name, value]) =>
        !["operation", "view"].includes(name) || new URLSearchParams(location.search).get(name) === value);
  }
}
customElements.define("sl-tour", SlTour);

/** Begin the tour in the URL, or continues the one in progress. */
async function tour() {
  const requested = askedFor();
  const fresh = requested !== "" && (place()?.tour !== requested || place()?.home !== chosen() || place()?.over === true);
  if (requested) {
    if (fresh) setPlace(beginning(requested, chosen()));
    const url = new URL(location.href);
    url.searchParams.delete("tour");
    history.replaceState(history.state, "", url);
  }
  const wanted = place()?.tour;
  const home = place()?.home ?? "";
  /** @type {Api.LearningPart[]} */
  const parts = (await platform("GET", `/learning/tours${home ? `?node=${encodeURIComponent(home)}` : ""}`)) ?? [];
  const found = parts.flatMap((part) => part.tours).find(({ id }) => id === wanted);
  if (!found) return setPlace(null);
  const done = learned()[found.id] ?? 0;
  if (fresh && done < found.steps.length) setPlace({ ...beginning(found.id, home), step: done }); // begun earlier and abandoned
  const style = make("link", { rel: "stylesheet", href: staticFile("learn/tour.css") });
  const drawn = new Promise((resolve) => (style.onload = style.onerror = resolve));
  document.head.append(style);
  await drawn;
  const strip = new SlTour(); // reads the position
  document.body.append(strip);
  strip.begin(found);
}

void tour().catch((error) => {
  if (!(error instanceof ApiError)) throw error;
});
