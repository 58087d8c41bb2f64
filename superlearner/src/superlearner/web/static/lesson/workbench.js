/**
 * The workbench of a session: a sandbox of the learner, in which its cells run one after the other. Names and processes
 * last from cell to cell; idle it ends by itself, and the next cell starts another one.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { namePart } from "../base/words.js";

/** Time that a cell may take, in ms. */
const LONGEST_MS = 30_000;
/** Codes of errors that say that the sandbox does not run any more. */
const GONE = new Set(["node_not_found", "node_unavailable", "sandbox_not_found"]);

/** @typedef {{text: string, type: string, printed: string}} Ran */

export class Workbench {
  /** @type {string|null} */ #node = null;
  #life = 0;
  #begun = 0;

  /** @param {number|string} session  its number */
  constructor(session) {
    const user = namePart(document.documentElement.dataset.user ?? "");
    this.id = `workbench-${session}${user ? `-${user}` : ""}`.slice(0, 64);
  }

  /** Its node; null before the first cell. */
  get node() {
    return this.#node;
  }

  /** A number that changes when other processes run in it. */
  get life() {
    return this.#life;
  }

  /** When the last run began, in seconds. */
  get begun() {
    return this.#begun;
  }

  /**
   * Run a cell; start the sandbox first, if it does not run.
   * @param {string} source
   * @param {() => void} begins  called when the sandbox is there and the code begins
   * @returns {Promise<Ran>}
   */
  async run(source, begins = () => {}) {
    this.#begun = Date.now() / 1000;
    living?.begin(this.#begun);
    this.#node ??= await this.#start();
    begins();
    try {
      return await this.#ask(source);
    } catch (error) {
      if (!(error instanceof ApiError) || !GONE.has(error.code)) throw error;
      this.#node = await this.#start();
      begins();
      return this.#ask(source);
    }
  }

  /** End what runs; the names stay. */
  async interrupt() {
    await platform("DELETE", `/processes/workbench?node=${encodeURIComponent(this.#node ?? "")}`);
  }

  /** Begin with no names and no processes. */
  async restart() {
    if (!this.#node) return;
    this.#life += 1;
    await platform("POST", `/sandboxes/${this.id}/restart`, {});
  }

  /** @param {string} source */
  #ask(source) {
    return platform("POST", `/nodes/eval?node=${encodeURIComponent(this.#node ?? "")}`, { source, keep: true, timeout_ms: LONGEST_MS });
  }

  /** @returns {Promise<string>} */
  async #start() {
    this.#life += 1;
    try {
      return (await platform("POST", "/sandboxes", { sandbox_id: this.id, template: "workbench" })).node;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "sandbox_already_exists") throw error;
    }
    const known = await platform("GET", `/sandboxes/${this.id}`);
    if (known.status === "running") return known.node;
    return (await platform("POST", `/sandboxes/${this.id}/restart`, {})).node ?? known.node;
  }
}

/** @type {Workbench|null} */ let bench = null;
/** The tree, which stands beside what ran last. @type {import("./workbench-tree.js").WorkbenchTree|null} */ let living = null;
/** Calls of `showTree`. Browsers finish imports of a module that is still loading in any order, so the newest call wins. */
let calls = 0;

/** Return the workbench of the session of the page. */
export const workbench = () => (bench ??= new Workbench(/\/learn\/(\d+)/.exec(location.pathname)?.[1] ?? "0"));

/**
 * Show the tree of the workbench in a place, and no longer where it was.
 * @param {Element} place
 * @param {string} [only]  the name of the process that is shown with all below it
 */
export async function showTree(place, only = "") {
  const call = calls += 1;
  const { WorkbenchTree } = await import("./workbench-tree.js");
  if (call !== calls) return;
  living ??= new WorkbenchTree();
  const { node, life, begun } = workbench();
  living.begin(begun);
  living.only(only);
  if (node) living.follow(node, life);
  place.replaceChildren(living);
}
