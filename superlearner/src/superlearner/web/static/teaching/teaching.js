/**
 * The lessons on restarts: Strategy, Predict and Why in the detail pane, and the signals of a burst drawn over the tree. The
 * page calls `teach` once and publishes its model; modules are loaded on first use.
 *
 * @module
 */

import { closest, detail } from "../base/dom.js";
import { burstOf, isSettled } from "../live/bursts.js";
import { SlLate, style } from "../base/late.js";
import { part } from "../process/process-tabs.js";
import { model, tell, watch } from "../tree/watching.js";

/** @import { FeedEvent } from "../live/model.js" */
/** @import { Map as Mapped } from "./signals-map.js" */

/** Maximum delay after a kill on this page for its signals to be shown. */
const SOON_MS = 4000;
/** Time for which they stay if not in use. */
const STAY_MS = 5000;
/** Delay after their frame: users who kill several processes in a row see lines instead of fragments of pictures. */
const PAUSE_MS = 160;

export { tell };

/** Load styles and a module together. @template T @param {Promise<T>} module @param {string} [sheet] @returns {Promise<T>} */
const whole = async (module, sheet = "teaching/strategy.css") => (await Promise.all([module, style(sheet)]))[0];

part({
  id: "strategy", tab: "relations", label: "Strategy", deep: true, show: (row) => row.kind === "supervisor",
  element: new SlLate(async () => new (await whole(import("./strategy.js"))).SlStrategy()),
});
part({
  id: "predict", tab: "relations", label: "Predict", deep: true, show: (row) => row.kind === "supervisor" || row.restart !== null,
  element: new SlLate(async () => new (await whole(import("../predict/own-tree.js"), "predict/predict.css")).PredictTree()),
});
part({
  id: "why", tab: "why", label: "Why", place: 10, show: (row) => row.restart !== null, // an unsupervised process is never restarted
  element: new SlLate(async () => new (await whole(import("./why.js"))).SlWhy()),
});

/** Return whether the pane below the tree plays restarts: arrows would say the same again. */
const played = () => /** @type {import("../moment/live-stage.js").RestartLive|null} */ (document.getElementById("restart"))?.opens ?? false;

/**
 * @param {{tree: HTMLElement, map: HTMLElement & Mapped, pane: HTMLElement, events: HTMLElement, goTo: (target: string) => void}} parts
 */
export function teach({ tree, map, pane, events, goTo }) {
  /** @type {import("./signals.js").SlSignals|null} */ let signals = null;
  /** Number of the next drawing, while the drawing module loads. */ let wanted = 0;
  /** Keys of processes just killed here, with the time until which their end is expected. @type {Map<string, number>} */
  const awaited = new Map();
  let leaving = 0, coming = 0;

  /** @param {FeedEvent} entry @param {boolean} stay */
  const show = (entry, stay) => {
    const burst = burstOf(entry);
    if (!burst) return;
    const us = burst.list.at(-1)?.[3] ?? 0;
    const mine = ++wanted;
    const draw = async () => {
      const pen = await drawing();
      if (mine !== wanted) return;
      pen.show(burst, tree, `${burst.list.length} signals in ${us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(1)} ms`}`);
      clearTimeout(leaving);
      if (!stay) leaving = window.setTimeout(() => !pen.busy && pen.clear(), STAY_MS);
    };
    void draw().catch(() => {}); // without the server nothing can be loaded, which the page shows
  };

  const clear = () => {
    clearTimeout(coming);
    wanted += 1;
    signals?.clear();
  };

  /** Load the drawing module on first use. */
  const drawing = async () => {
    if (signals) return signals;
    const [{ SlSignals }, { MapSignals }] = await whole(Promise.all([import("./signals.js"), import("./signals-map.js")]));
    if (signals) return signals;
    const made = signals = new SlSignals();
    const onMap = new MapSignals(map);
    made.addEventListener("sl-play", (event) => {
      const { burst, moving } = detail(event);
      if (burst) onMap.show(burst, moving);
      else onMap.clear();
    });
    return made;
  };

  /** @param {string} id */
  const open = (id) => document.getElementById(`tab-${id}`)?.click();

  /** The feed's entries before a kill. @type {Set<FeedEvent>} */
  let known = new Set();
  watch(({ feed }) => {
    if (awaited.size) {
      for (const [key, until] of awaited) {
        if (until < performance.now()) awaited.delete(key);
        const mine = feed.filter((event) => !known.has(event) && about(event, key));
        const entry = mine.at(-1);
        // A supervisor that gives up has two entries
        if (!entry || !mine.every(isSettled) || (entry.parts?.signals?.list.length ?? 0) < 2) continue;
        awaited.delete(key);
        clearTimeout(coming);
        coming = window.setTimeout(() => played() || show(entry, false), PAUSE_MS);
      }
    }
    signals?.place();
  });

  /** Expect signals after a kill and drop earlier expectations. @param {string[]} keys */
  const expectOf = (keys) => {
    known = new Set(model().feed);
    clear();
    for (const one of keys) awaited.set(one, performance.now() + SOON_MS);
    if (awaited.size > 1) awaited.clear(); // overlapping bursts would be unreadable
  };
  for (const element of [tree, pane]) element.addEventListener("sl-kill", (event) => {
    const { keys = [], key = null } = detail(event);
    setTimeout(() => expectOf(key === null ? keys : [key]), 0); // after the line has been marked as pending
  });

  events.addEventListener("sl-signals", (event) => {
    const entry = model().feed.find(({ id }) => id === detail(event));
    if (!entry) return;
    if (entry.key) goTo(entry.key);
    show(entry, true);
  });
  for (const element of [events, tree]) element.addEventListener("sl-why", (event) => {
    goTo(detail(event));
    open("why");
  });
  tree.addEventListener("click", (event) => { // "was killed" and "after …" in a line open the explanation
    const why = closest(event.target, ".why, .rs");
    const key = why?.closest("[data-key]");
    if (why?.textContent && key instanceof HTMLElement && key.dataset.key && !key.dataset.gone) {
      goTo(key.dataset.key);
      open("why");
    }
  });
  tree.addEventListener("sl-arranged", () => signals?.place());
  new ResizeObserver(() => signals?.place()).observe(tree);
}

/** Return whether an entry is about the end of this slot's process. @param {FeedEvent} event @param {string} key */
const about = (event, key) => event.key === key || (burstOf(event)?.who ?? []).some(([one]) => one === key);
