/**
 * The part History of the tab Why: the lives of this slot as bars, with their ends, and groups of similar ends.
 *
 * @module
 */

import { info, requestOn } from "../base/api.js";
import { chosen, icon, make, renew } from "../base/dom.js";
import { endedText, endsText, findProgramEnd, livesOf, restartedText, timeline } from "./lives.js";
import { ask } from "./process-asks.js";
import { Panel } from "./process-panel.js";
import { whyAddress } from "../base/process-link.js";
import { label } from "../live/model.js";
import { counted, duration, failures, number, time } from "../base/words.js";

/** @import { Seen } from "./process-tabs.js" */
/** @import { Exit, Life } from "./lives.js" */
/** @typedef {{pid: string, exits: Exit[], started_at: number|null, patterns: Api.ErrorPattern[],
 *   restarts: Api.RestartLine[], stored: Api.RestartLine[]}} Told  `restarts`: the stored ones of the node, newest first; `stored`: its own
 */

/** Stored restarts among which the last end of the program is looked for. */
const KEPT = 50;
/** Stored restarts of the process that are listed if its ends are no longer in memory. */
const LISTED = 20;

/** @extends {Panel<Told>} */
export class SlHistory extends Panel {
  /** @override @param {string} pid @param {AbortSignal} signal */
  async read(pid, signal) {
    const name = this.seen ? label(this.seen.row) : pid;
    const stored = (/** @type {Record<string, string>} */ more) => requestOn(this.seen?.node ?? chosen(), "GET",
      `/restarts?${new URLSearchParams({ settled: "true", fold: "false", ...more })}`, undefined, signal).catch(() => []);
    const [facts, patterns, restarts, own] = await Promise.all([
      info(pid, signal), ask(pid, "errors/patterns", {}, signal), stored({ per_page: `${KEPT}` }),
      stored({ per_page: `${LISTED}`, process: name }),
    ]);
    return { pid, exits: facts["exits"] ?? [], started_at: facts["started_at"] ?? null, patterns, restarts, stored: own };
  }

  /** @override @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row.restarts !== before.row.restarts || seen.row.pid !== before.row.pid;
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const told = this.known;
    if (!told) return this.content.replaceChildren();
    const now = Date.now() / 1000 + seen.skew;
    const alive = seen.row.pid === told.pid && !seen.gone;
    const last = seen.row.last;
    // It ended after the last read
    const exits = !alive && last && last.at > (told.exits[0]?.at ?? 0) + 0.001 ? [{ ...last, pid: told.pid }, ...told.exits] : told.exits;
    const lives = livesOf(exits, { pid: alive ? told.pid : null, startedAt: told.started_at, ended: alive ? null : told.pid });
    const failed = exits.filter((one) => one.crash).map((one) => one.reason);
    const restarted = restartedText(seen.row), program = findProgramEnd(told.restarts, seen.node, lives);
    const earlier = exits.length ? [] : told.stored.filter((one) => (one.node ?? seen.node) === seen.node);
    renew(this.content, [
      make("section", {},
        make("p", { class: "depth" },
          exits.length
            ? `${counted(lives.length, "process", "processes")} in this place${failed.length ? `, ${failures(failed)}` : ""}.`
            : endsText(seen.row, earlier.length > 0, told.started_at)),
        program ? programEnd(program) : null,
        make("p", { class: "hint" },
          exits.length
            ? `${restarted || (lives.length > 1 ? "Started again on request, which does not count as a restart" : "Never restarted")}. `
              + `${exits.length >= 20 ? "The last 20 ends are remembered." : ""}`
            : earlier.length ? `${restarted ? "Its ends are no longer in memory. " : ""}What is stored about it, newest first:`
            : restarted ? "Its ends are no longer in memory, and were not stored."
            : "What ends it, and how long each process in this place lived, will stand here after the first restart."
              + (chosen() ? "" : " Kill it to see.")), // not in a service at work
        earlier.length ? make("ul", { class: "stored" }, ...earlier.map(storedEnd)) : null,
        exits.length ? line(lives, now) : null),
      ...(told.patterns.length > 1 ? [alike(told.patterns)] : []), // a single one is in each row of the table
      ...(exits.length ? [table(lives, now)] : [])]);
  }
}

/** Return the line of a stored restart. @param {Api.RestartLine} one */
const storedEnd = ({ at, ref, line = "", reason }) => make("li", {}, make("time", {}, time(at)), ` ${endedText(line, reason)} `,
  make("a", { href: whyAddress(ref ?? "") }, "Why?"));

/** Return the sentence about the last end of the whole program. @param {Api.RestartLine} one */
const programEnd = ({ at, ref, line = "" }) => make("p", {}, `At ${time(at)}: ${line}. `,
  make("a", { href: whyAddress(ref ?? "") }, "Why?"), " The processes before it are not in this list.");

/** @param {readonly Life[]} lives @param {number} now */
function line(lives, now) {
  const bars = timeline(lives, now).map(({ life, left, width }) => {
    const bar = make("i", {
      class: "life", "data-end": life.exit === null ? "lives" : life.exit.crash ? "crash" : "end", title: words(life, now),
    });
    bar.style.left = `${left * 100}%`;
    bar.style.width = `calc(${width * 100}% - 2px)`;
    if (life.exit?.crash) bar.append(icon("crashed", "glyph"));
    return bar;
  });
  const from = lives[0]?.from ?? lives[0]?.to ?? now;
  return make("div", { class: "lives", role: "img", "aria-label": `Processes from ${time(from)} until now; the table below says the same` },
    make("div", { class: "bars" }, ...bars),
    make("p", { "aria-hidden": "true" }, make("time", {}, time(from)), make("time", {}, "now")));
}

/** @param {Life} life @param {number} now */
const words = (life, now) => `${life.pid ?? "a process"}: `
  + `${life.from === null ? "start not known" : duration((life.to ?? now) - life.from)}, ${life.exit?.reason ?? "running"}`;

/** @param {readonly Api.ErrorPattern[]} patterns */
function alike(patterns) {
  return make("section", {}, make("h3", {}, "Exits by reason"), make("ul", { class: "alike" }, ...patterns.slice(0, 8).map((one) =>
    make("li", { "data-crash": one.crash },
      make("b", { class: "num" }, `${number(one.count)}×`),
      make("p", {}, make("code", {}, one.reason), " ",
        make("small", {}, [one.where, `last at ${time(one.last_at)}`].filter(Boolean).join(", ")))))));
}

/** @param {readonly Life[]} lives @param {number} now */
function table(lives, now) {
  const rows = [...lives].reverse().map((life) => make("tr", { "data-crash": life.exit?.crash ?? false },
    make("td", { class: "num" }, life.pid ?? ""),
    make("td", { class: "num" }, life.to === null ? "running" : time(life.to)),
    make("td", { class: "num" }, life.from === null ? "not known" : duration((life.to ?? now) - life.from)),
    make("td", {},
      life.exit ? make("code", {}, life.exit.reason) : "",
      life.exit && (life.exit.where || life.exit.message)
        ? make("small", {}, [life.exit.message ? `while handling ${life.exit.message}` : "", life.exit.where].filter(Boolean).join(", "))
        : null)));
  return make("section", {}, make("h3", {}, "Processes in this place, newest first"), make("table", { class: "table lives-table" },
    make("thead", {},
      make("tr", {},
        ...["Pid", "Ended", "Lifetime", "Reason"].map((name, place) =>
          make("th", { scope: "col", class: place < 3 ? "num" : null }, name)))),
    make("tbody", {}, ...rows)));
}

customElements.define("sl-history", SlHistory);
