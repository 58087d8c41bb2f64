/**
 * The part Messages of the detail pane: the current messages of a process as a sequence diagram. The process is traced
 * only while it is open; after a restart the trace continues with its successor.
 *
 * @module
 */

import { ApiError, request } from "../base/api.js";
import { chosen, make, nodeQuery, root, write } from "../base/dom.js";
import { Feed, liveUrl } from "../live/live.js";
import { label } from "../live/model.js";
import { button, refusal, tell } from "./process-asks.js";
import { SlSequence } from "../traces/sequence.js";
import { lossText, NOTHING, take } from "../traces/traces-model.js";
import { counted } from "../base/words.js";

/** @import { Seen } from "./process-tabs.js" */

/** Limit after which a trace ends by itself, in case the browser is closed. */
const LONGEST_MS = 600_000;
const KEPT = 500;
const RATE = 200;

export class SlMessages extends HTMLElement {
  /** @type {Seen|null} */ #seen = null;
  /** The slot whose process is traced, or will be. @type {string|null} */ #of = null;
  /** @type {string|null} */ #trace = null;
  /** True if the trace ends with this view. */ #ours = true;
  /** @type {Feed|null} */ #feed = null;
  #known = NOTHING;
  /** Number of the current view, to recognise late answers. */ #turn = 0;
  #paused = false;

  #sequence = new SlSequence();
  #note = make("p", { class: "hint", role: "status" });
  #said = make("div", { role: "status" });
  #act = button("Pause", () => this.#pause());
  #more = make("a", { class: "btn quiet" }, "Open in Messages");

  connectedCallback() {
    if (this.#note.isConnected) return;
    this.#sequence.dataset["empty"] = "No message yet. What it gets and sends from now on stands here; send it one from the tab Now.";
    this.append(make("section", {}, make("div", { class: "acts" }, this.#act, this.#more), this.#note, this.#said), this.#sequence);
    window.addEventListener("pagehide", () => this.#end());
    window.addEventListener("pageshow", (event) => { // restored from the back-forward cache, without the trace
      if (event.persisted && this.#of !== null && !this.#paused && this.#seen?.row.pid) void this.#begin(this.#seen);
    });
  }

  /** @param {Seen} seen */
  look(seen) {
    this.#seen = seen;
    const other = seen.row.key !== this.#of;
    if (other) {
      this.#end();
      this.#paused = false;
      this.#known = NOTHING;
      this.#sequence.show(NOTHING);
    }
    if (!this.#paused && this.#trace === null && (other || this.#of === null) && seen.row.pid && !seen.gone) void this.#begin(seen);
    this.#paint();
  }

  leave() {
    this.#end();
    this.#of = null;
  }

  /** The trace was deleted, or its server restarted. */
  get #lost() {
    return this.#trace !== null && this.#known.epoch !== null && !this.#known.traces.some((one) => one.trace_id === this.#trace);
  }

  #pause() {
    if (this.#lost) {
      this.#ours = false; // there is nothing to stop
      this.#end();
      if (this.#seen?.row.pid) void this.#begin(this.#seen);
      return;
    }
    this.#paused = !this.#paused;
    if (this.#paused) this.#end();
    else if (this.#seen?.row.pid) void this.#begin(this.#seen);
    this.#paint();
  }

  /** @param {Seen} seen */
  async #begin(seen) {
    const pid = seen.row.pid;
    if (pid === null) return;
    const turn = ++this.#turn;
    this.#of = seen.row.key;
    this.#said.replaceChildren();
    let trace;
    let ours = true;
    try {
      trace = await tell("POST", pid, "trace", { message_limit: KEPT, rate: RATE, duration_ms: LONGEST_MS, auto_cleanup: false }).catch(
        (error) => {
          if (!(error instanceof ApiError) || error.code !== "already_tracing") throw error;
          ours = false; // another viewer owns the trace: show it and leave it running
          return request("GET", `/traces/${encodeURIComponent(pid)}`);
        });
    } catch (error) {
      if (turn === this.#turn) this.#said.replaceChildren(refusal(error), button("Try again", () => void this.#begin(this.#seen ?? seen)));
      return;
    }
    const id = String(trace.trace_id);
    if (turn !== this.#turn) return ours ? void stop(id) : undefined; // the tab was left while the trace started
    this.#trace = id;
    this.#ours = ours;
    this.#known = NOTHING;
    const feed = new Feed(liveUrl("traces", { trace: id }), (frames) => this.#receive(/** @type {any[]} */ (frames)), () => {});
    this.#feed = feed;
    feed.start();
    this.#paint();
  }

  /** @param {any[]} frames */
  #receive(frames) {
    const before = this.#known;
    for (const frame of frames) this.#known = take(this.#known, frame);
    if (this.#known.gap) {
      if (!before.gap) this.#feed?.sync();
      return;
    }
    if (this.#known.items !== before.items || this.#known.people !== before.people) this.#sequence.show(this.#known);
    this.#paint();
  }

  /** Stop and delete the trace when the view ends. */
  #end() {
    this.#turn += 1;
    this.#feed?.stop();
    this.#feed = null;
    if (this.#trace !== null && this.#ours) void stop(this.#trace);
    this.#trace = null;
  }

  #paint() {
    const trace = this.#known.traces.find((one) => one.trace_id === this.#trace);
    const alive = this.#seen?.row.pid !== null && !this.#seen?.gone;
    write(this.#act, this.#paused ? "Go on" : this.#lost ? "Trace again" : "Pause");
    this.#act.hidden = !alive;
    this.#more.hidden = this.#trace === null;
    if (this.#seen)
      this.#more.href = `${root()}/timeline?${new URLSearchParams({
        view: "messages", ...(chosen() ? { node: chosen() } : {}), process: this.#seen.row.pid ?? "",
      })}`;
    this.#more.title = this.#seen ? `Trace ${label(this.#seen.row)} for longer, with others` : "";
    const lost = trace ? lossText(trace) : "";
    write(this.#note, this.#paused ? "Paused: it is not traced any more; what was seen stays."
      : trace && !trace.tracing ? "The trace has ended by itself."
        : this.#lost ? "The trace is gone: it was deleted, or the server was restarted."
        : trace ? `${this.#ours ? "It is traced while this tab is open" : "It was being traced already"}: `
          + `${counted(trace.messages, "message")} so far${lost ? `, ${lost}` : ""}.`
          : alive ? "Beginning to trace…" : "No process runs here at the moment.");
  }
}

/** Use keepalive, since ordinary requests are cancelled when the page is left. @param {string} id */
async function stop(id) {
  try {
    await fetch(`${root()}/api/v1/traces/${encodeURIComponent(id)}${nodeQuery()}`,
      { method: "DELETE", keepalive: true, headers: { "x-door": "page", prefer: "errors=body" } });
  } catch {
    // the server is gone, and the trace with it
  }
}

customElements.define("sl-messages", SlMessages);
