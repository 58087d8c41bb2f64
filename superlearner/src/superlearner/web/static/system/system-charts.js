/**
 * The charts of the system page: figures, units, marks. Pure.
 *
 * @module
 */

import { column, secondsOf } from "./system-model.js";
import { counted } from "../base/words.js";

/** @import { Mark, Picture } from "../components/chart.js" */
/** @import { Model } from "./system-model.js" */
/** @typedef {{name: string, column: string, perS?: boolean, times?: number, colour?: string, dash?: number[], area?: boolean}} Line */
/**
 * @typedef {{title: string, unit: import("../components/chart-scale.js").Unit, hint: string, lines: Line[],
 *   percentiles?: boolean, atLeast?: number, limit?: string, limitTimes?: number, marked?: boolean}} Chart
 */

/** @type {Chart[]} */
const CHARTS = [
  {
    title: "Deliveries", unit: "per_s",
    hint: "Messages that processes took (an answer counts where it was waited for), and how often a process was let run for them.",
    lines: [
      { name: "messages", column: "messages_per_s", area: true },
      { name: "activations", column: "activations_per_s", colour: "sup", dash: [5, 3] },
    ],
    atLeast: 1,
  },
  {
    title: "Restarts", unit: "per_s", hint: "By all supervisors together.",
    lines: [{ name: "Restarts", column: "restarts", perS: true, area: true, colour: "crash" }],
    atLeast: 1, marked: true,
  },
  {
    title: "Loop lag", unit: "ms", hint: "How late a timer came at worst: whatever had to wait waited at least so long.",
    lines: [{ name: "Loop lag", column: "loop_lag_ms", area: true }],
    percentiles: true, atLeast: 1, limit: "anomaly_loop_held", limitTimes: 1000, marked: true,
  },
  {
    title: "Callback time", unit: "ms", hint: "For how long processes let nothing else run, at worst.",
    lines: [{ name: "longest", column: "longest_callback_ms", area: true }],
    percentiles: true, atLeast: 1, limit: "anomaly_loop_held", limitTimes: 1000, marked: true,
  },
  {
    title: "Mailbox depth", unit: "count", hint: "Messages that wait: in all mailboxes, and in the deepest one.",
    lines: [
      { name: "all", column: "message_queue_lengths", area: true },
      { name: "deepest", column: "mailbox_deepest", colour: "restart", dash: [5, 3] },
    ],
    atLeast: 4, limit: "anomaly_mailbox", marked: true,
  },
  {
    title: "Run queue", unit: "count", hint: "Processes that are ready to run and wait for their turn.",
    lines: [{ name: "Run queue", column: "run_queue", area: true }],
    atLeast: 4,
  },
  {
    title: "Processes", unit: "count", hint: "Living processes, and the supervisors among them.",
    lines: [{ name: "all", column: "processes", area: true }, { name: "supervisors", column: "supervisors", colour: "sup", dash: [5, 3] }],
    atLeast: 4,
  },
  {
    title: "Started processes", unit: "per_s", hint: "New processes in a second: children, tasks, connections.",
    lines: [{ name: "Started", column: "spawned", perS: true, area: true }],
    atLeast: 1,
  },
  {
    title: "Memory", unit: "bytes", hint: "Of the whole program.", lines: [{ name: "Memory", column: "memory", area: true }], marked: true,
  },
  {
    title: "CPU", unit: "percent", hint: "100 % is one core. Starved: the program was ready and the machine had no core for it.",
    lines: [
      { name: "used", column: "cpu_percent", area: true },
      { name: "starved", column: "starved_percent", colour: "restart", dash: [5, 3] },
    ],
    atLeast: 10,
  },
  {
    title: "Garbage collection", unit: "ms", hint: "The longest pause of Python's collector, which stops everything meanwhile.",
    lines: [{ name: "Longest pause", column: "gc_pause_ms", area: true }],
    percentiles: true, atLeast: 1,
  },
  {
    title: "I/O", unit: "bytes_per_s", hint: "What was read from files and pipes and written to them; the system does not count sockets.",
    lines: [
      { name: "read", column: "read_bytes_per_s", area: true },
      { name: "written", column: "written_bytes_per_s", colour: "restart", dash: [5, 3] },
    ],
    atLeast: 1000,
  },
];

/**
 * Return the content of the charts.
 * @param {Model} model
 * @param {Record<string, number>} limits  settings that are thresholds
 * @returns {Picture[]}
 */
export function pictures(model, limits) {
  const times = { at: column(model, "at").map(Number), gap: model.gaps };
  const marks = marksOf(model);
  return CHARTS.map((chart) => {
    const limit = chart.limit === undefined ? undefined : limits[chart.limit];
    return {
      title: chart.title,
      unit: chart.unit,
      hint: chart.hint,
      times,
      series: chart.lines.map(({ name, column: from, perS = false, times: by = 1, ...look }) =>
        ({ name, values: column(model, from, { perS, times: by }), ...look })),
      percentiles: chart.percentiles ?? false,
      marks: chart.marked ? marks : [],
      ...(chart.atLeast === undefined ? {} : { atLeast: chart.atLeast }),
      ...(limit === undefined ? {} : { limit: limit * (chart.limitTimes ?? 1) }),
    };
  });
}

/** Return restarts, give-ups and start of anomalies, in order. @param {Model} model @returns {Mark[]} */
function marksOf(model) {
  const [at, restarts, gaveUp] = [column(model, "at"), column(model, "restarts"), column(model, "give_ups")];
  /** @type {Mark[]} */ const found = [];
  at.forEach((moment, place) => {
    if (moment === null) return;
    if (gaveUp[place]) found.push({ at: moment, text: `${counted(Number(gaveUp[place]), "supervisor")} gave up`, colour: "crash" });
    if (restarts[place]) found.push({ at: moment, text: counted(Number(restarts[place]), "restart"), colour: "restart" });
  });
  for (const one of [...model.anomalies, ...model.ended]) found.push({ at: secondsOf(one.since), text: kindOf(one.type), colour: "crash" });
  return found.sort((one, other) => one.at - other.at);
}

/** restart_storm → restart storm @param {string} type */
export const kindOf = (type) => type.replaceAll("_", " ");
