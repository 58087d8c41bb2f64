/**
 * `<sl-talk>`: message flow of the last minute as graph, matrix and table, and the cost of measuring. It sends a
 * request for each new point of the page, so nothing is measured while it is closed.
 *
 * @module
 */

import { ApiError, request } from "../base/api.js";
import { attribute, closest, make, renew, write } from "../base/dom.js";
import { SlGraph, matrix } from "../components/graph.js";
import { processLink } from "../base/process-link.js";
import { duration, number } from "../base/words.js";
import { watchedText } from "./talk-model.js";

/** @import { Line, Spot } from "../components/graph.js" */

const VIEWS = /** @type {const} */ ([["graph", "Graph"], ["matrix", "Matrix"], ["table", "Table"]]);

export class SlTalk extends HTMLElement {
  /** @type {Api.Topology|null} */ #known = null;
  #view = "graph";
  #asking = false;
  /** @type {string[]} */ #unfolded = [];
  /** @type {string|null} */ #picked = null;
  #says = make("p", { class: "hint", role: "status" }, "Watching messages for a second.");
  #wrong = make("p", { class: "note", "data-level": "bad", role: "alert", hidden: true });
  #fold = make("button", { type: "button", class: "btn quiet", hidden: true }, "Fold all");
  #choice = make("div", { class: "segmented", role: "group", "aria-label": "How it is shown" },
    ...VIEWS.map(([name, label]) =>
      make("button", { type: "button", "data-view": name, "aria-pressed": String(name === "graph") }, label)));
  #void = make("div", { class: "void", hidden: true });
  #graph = new SlGraph();
  #matrix = make("div", {
    class: "scroll matrix-scroll", tabindex: 0, role: "region", "aria-label": "Who talks to whom, as a matrix", hidden: true,
  });
  #table = make("div", {
    class: "scroll talk-table", tabindex: 0, role: "region", "aria-label": "Who talks to whom, as a table", hidden: true,
  });
  #pick = make("p", { class: "talk-pick", hidden: true });
  #cost = make("p", { class: "hint talk-cost" });

  connectedCallback() {
    if (this.#says.isConnected) return;
    this.append(make("div", { class: "talk-bar" }, this.#choice, this.#says, this.#fold), this.#wrong, this.#pick, this.#void, this.#graph,
      this.#matrix, this.#table, this.#cost);
    this.#choice.onclick = (event) => {
      const button = closest(event.target, "button");
      if (button?.dataset.view) this.#choose(button.dataset.view);
    };
    this.#graph.addEventListener("sl-pick", (event) => event instanceof CustomEvent && this.#picks(event.detail));
    this.#fold.onclick = () => this.#unfold([]);
  }

  /** Request the current data; a pending request suffices. */
  async refresh() {
    if (this.#asking) return;
    this.#asking = true;
    const asked = this.#unfolded.map((group) => `&unfold=${encodeURIComponent(group)}`).join("");
    try {
      this.#known = await request("GET", `/system/topology?watch_ms=${this.#known ? 0 : 1000}${asked}`);
      this.#wrong.hidden = true;
      this.#show();
    } catch (error) {
      const { message, hint } = error instanceof ApiError ? error : { message: String(error), hint: "" };
      write(this.#wrong, `Who talks to whom could not be read: ${message} ${hint}`);
      this.#wrong.hidden = false;
    } finally {
      this.#asking = false;
    }
  }

  /** Return the displayed rows for export. */
  rows() {
    const names = new Map(this.#known?.spots.map((spot) => [spot.key, spot]));
    return (this.#known?.lines ?? []).map((line) => ({
      source: names.get(line.source)?.name ?? line.source, source_pid: names.get(line.source)?.pid ?? null,
      target: names.get(line.target)?.name ?? line.target, target_pid: names.get(line.target)?.pid ?? null,
      messages: line.messages, per_s: line.per_s,
    }));
  }

  /** @param {string} view */
  #choose(view) {
    this.#view = view;
    for (const button of this.#choice.querySelectorAll("button")) attribute(button, "aria-pressed", String(button.dataset.view === view));
    this.#show();
  }

  #show() {
    const known = this.#known;
    if (!known) return;
    const { spots, lines, seconds } = known;
    write(this.#says, watchedText(known));
    write(this.#cost, `What looking costs: ${known.cost}`);
    const empty = lines.length === 0;
    this.#void.hidden = !empty;
    if (empty)
      renew(this.#void, [
        make("b", {}, "No message was sent yet."),
        make("p", {}, `Each message from one process to another is a line here as soon as it is sent. Watched for ${duration(seconds)}.`),
      ]);
    this.#graph.hidden = empty || this.#view !== "graph";
    this.#matrix.hidden = empty || this.#view !== "matrix";
    this.#table.hidden = empty || this.#view !== "table";
    this.#fold.hidden = this.#unfolded.length === 0;
    if (this.#view === "graph") this.#graph.show(spots, lines);
    else if (this.#view === "matrix") renew(this.#matrix, [matrix(spots, lines)]);
    else renew(this.#table, [table(spots, lines)]);
    this.#showSpot();
  }

  /** @param {string} key */
  #picks(key) {
    const spot = this.#known?.spots.find((one) => one.key === key);
    if (!spot) return;
    if (spot.processes > 1 && spot.key !== "others") this.#unfold([...this.#unfolded, spot.group]);
    else {
      this.#picked = key;
      this.#showSpot();
    }
  }

  /** @param {string[]} groups */
  #unfold(groups) {
    this.#unfolded = groups;
    void this.refresh();
  }

  /** Show the line about the selected spot. */
  #showSpot() {
    const spot = this.#known?.spots.find((one) => one.key === this.#picked);
    this.#pick.hidden = !spot;
    if (!spot) return;
    const names = new Map(this.#known?.spots.map((one) => [one.key, one.name]));
    const of = (/** @type {"source"|"target"} */ mine, /** @type {"source"|"target"} */ other) =>
      (this.#known?.lines ?? []).filter((line) => line[mine] === spot.key)
        .slice(0, 4).map((line) => `${names.get(line[other])} ${number(line.messages)}`).join(", ");
    const [to, from] = [of("source", "target"), of("target", "source")];
    renew(this.#pick, [
      make("b", {}, spot.name),
      document.createTextNode(` ${[spot.what, to ? `sends to ${to}` : "", from ? `gets from ${from}` : ""].filter(Boolean).join("; ")} `),
      ...(spot.pid ? [processLink(spot.pid, "Open the process")] : [])]);
  }
}

/**
 * @param {Spot[]} spots
 * @param {Line[]} lines
 */
function table(spots, lines) {
  const places = new Map(spots.map((spot) => [spot.key, spot]));
  const who = (/** @type {string} */ key) => {
    const spot = places.get(key);
    return make("td", {}, spot?.pid ? processLink(spot.pid, spot.name) : spot?.name ?? key);
  };
  return make("table", { class: "table" }, make("caption", { class: "vh" }, "Who talks to whom"),
    make("thead", {},
      make("tr", {},
        ...["From", "To"].map((name) => make("th", { scope: "col" }, name)),
        ...["Messages", "Each second"].map((name) => make("th", { scope: "col", class: "num" }, name)))),
    make("tbody", {},
      ...lines.map((line) => make("tr", {}, who(line.source), who(line.target),
        make("td", { class: "num" }, number(line.messages)),
        make("td", { class: "num" }, String(line.per_s))))));
}

customElements.define("sl-talk", SlTalk);
