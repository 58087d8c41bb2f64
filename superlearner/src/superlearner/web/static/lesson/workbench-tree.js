/**
 * `<workbench-tree>`: the living tree of a workbench, beside the cell that ran last. A session has one of them.
 *
 * @module
 */

import { attribute, byId, detail, make, write } from "../base/dom.js";
import { counted } from "../base/words.js";
import { Feed, liveUrl } from "../live/live.js";
import { style } from "../base/late.js";
import { EMPTY, reduce } from "../live/model.js";
import { fallenOf, lastEnd, ofThisRun, ownKids, withFallen } from "./own-processes.js";
import { Announcer } from "../tree/announce.js";
import { SlTree } from "../tree/tree.js";
import { actsOn } from "../tree/tree-acts.js";

/** @import { Message, Model } from "../live/model.js" */

export class WorkbenchTree extends HTMLElement {
  #tree = new SlTree();
  #note = make("p", { class: "hint" });
  #fold = make("button", { type: "button", class: "btn quiet fold", hidden: true });
  /** Show what earlier runs have started, too. */
  #all = false;
  #announcer = new Announcer(byId("announce", HTMLElement));
  /** @type {Model} */ #model = EMPTY;
  /** @type {Feed|null} */ #feed = null;
  #node = "";
  #life = -1;
  #skew = 0;

  connectedCallback() {
    if (this.#tree.isConnected) return;
    this.append(this.#tree, this.#fold, this.#note);
  }

  constructor() {
    super();
    const { begin, end } = actsOn(this.#tree, () => this.#model, () => this.#node);
    this.#tree.addEventListener("sl-kill", (event) => void end(detail(event).keys));
    this.#tree.addEventListener("sl-start", (event) => void begin(detail(event)));
    this.#fold.onclick = () => {
      this.#all = !this.#all;
      this.#show();
    };
    void style("tree/supervisors.css");
  }

  /** The name of the process that is shown with all below it; "" for all that the learner has started. */
  #only = "";

  /** Show one process of the workbench with all below it, or all. @param {string} name  "" for all */
  only(name) {
    if (name === this.#only) return;
    this.#only = name;
    if (this.#model !== EMPTY) this.#show();
  }

  /** When the last run began, in seconds of this machine's clock: earlier failures are no longer reported. */
  #begun = 0;
  /** The supervisors that have ended since then. @type {Pick<Model, "kids"|"rows">} */ #fallen = EMPTY;

  /** Forget the failures of earlier runs. @param {number} at  when the run begins, in seconds */
  begin(at) {
    if (at === this.#begun) return;
    this.#begun = at;
    this.#all = false;
    this.#fallen = EMPTY;
    if (this.#model !== EMPTY) this.#show();
  }

  #show() {
    const model = withFallen(this.#model, this.#fallen), { rows } = model, own = ownKids(model);
    const run = this.#only ? { kids: own, hidden: 0 } : ofThisRun(own, this.#model, this.#begun + this.#skew);
    const kids = this.#all ? own : run.kids;
    this.#fold.hidden = !run.hidden;
    write(this.#fold, this.#all ? "Hide those of earlier runs" : `Show ${counted(run.hidden, "process", "processes")} of earlier runs`);
    const tops = (kids.get("") ?? []).filter((key) => !this.#only || rows.get(key)?.name === this.#only);
    this.#tree.show({ ...model, kids: kids.set("", tops) }, this.#skew);
    const said = lastEnd(model, { only: this.#only, since: this.#begun + this.#skew });
    write(this.#note, said || (tops.some((key) => this.#model.rows.has(key)) ? "" : this.#only
      ? `${this.#only} has ended, and with it all below it. Nothing restarts the root.`
      : run.hidden ? "This run has started no process."
      : "No process that your code has started runs."));
  }

  /** Follow a workbench. @param {string} node @param {number} life  another one after each start */
  follow(node, life) {
    if (life === this.#life) return;
    this.#life = life;
    this.#node = node;
    this.#model = this.#fallen = EMPTY;
    this.#feed?.stop();
    this.#feed = new Feed(liveUrl("supervisors", {}, node), (messages) => this.#take(messages), (status) => {
      attribute(this, "data-status", status);
      write(this.#note, status === "gone" ? "The workbench has ended. The next run starts another one." : "");
    });
    this.#feed.start();
  }

  /** @param {Message[]} messages */
  #take(messages) {
    const before = this.#model;
    for (const message of messages) {
      this.#model = reduce(this.#model, message);
      if (message.k === "s") this.#skew = message.now - Date.now() / 1000;
    }
    if (this.#model.gap) {
      if (!before.gap) this.#feed?.sync();
      return;
    }
    if (this.#model === before) return;
    const fallen = fallenOf(before, this.#model);
    if (fallen.rows.size && before !== EMPTY) this.#fallen = fallen;
    this.#show();
    if (this.#model.snapshots === before.snapshots) this.#announcer.hear(this.#model.feed);
    else this.#announcer.skip(this.#model.feed);
  }
}

customElements.define("workbench-tree", WorkbenchTree);
