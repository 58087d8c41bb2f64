/**
 * The restarts of the other members of the cluster and of observed services, each from the live feed of its node.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { Feed, liveUrl } from "../live/live.js";
import { EMPTY, reduce } from "../live/model.js";
import { restartsIn, Storms } from "../live/storms.js";

/** @typedef {{node: string, line: import("../live/storms.js").Line}} Told */

/** A node, and its restarts, newest first. */
class Other {
  #model = EMPTY;
  #storms = new Storms();
  /** @type {readonly import("../live/storms.js").Line[]} */ lines = [];

  /** @param {string} node @param {() => void} changed */
  constructor(node, changed) {
    this.feed = new Feed(liveUrl("supervisors", {}, node), (messages) => {
      const { feed } = this.#model;
      this.#model = messages.reduce(reduce, this.#model);
      if (this.#model.gap) return this.feed.sync();
      if (this.#model.feed === feed) return;
      this.lines = this.#storms.take(restartsIn(this.#model.feed), this.#model.epoch);
      changed();
    }, () => {});
    this.feed.start();
  }
}

export class OtherNodes {
  /** @type {Map<string, Other>} */ #others = new Map();

  /** @param {() => void} changed  called after each change of the restarts */
  constructor(changed) {
    this.changed = changed;
  }

  /** Follow the nodes that there are now; one that has left keeps its restarts. */
  async follow() {
    /** @type {Api.NodeLine[]} */ const known = await platform("GET", "/nodes").catch(() => []);
    for (const { name, beside, default: first } of known)
      if (!first && beside && !this.#others.has(name)) this.#others.set(name, new Other(name, this.changed));
    this.changed();
  }

  /** Whether there are other nodes. */
  get any() {
    return this.#others.size > 0;
  }

  /** The restarts of all of them. @returns {Told[]} */
  get told() {
    return [...this.#others].flatMap(([node, { lines }]) => lines.map((line) => ({ node, line })));
  }
}
