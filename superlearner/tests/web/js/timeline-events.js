// A tree of now and the events that led to it, for tests of the Timeline.

import { EMPTY, reduce } from "#static/live/model.js";

export const row = (key, pid, more = {}) => ({
  key, parent: key.includes("/") ? key.slice(0, key.lastIndexOf("/")) : null, id: key.split("/").at(-1), name: key.split("/").at(-1), pid,
  kind: "worker", what: "", strategy: null, state: "running", restarts: 0, restarted_along: 0, last: null, ...more,
});
export const now = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 20, feed: [], health: null, nodes: [
  row("sup", "0.1.0", { kind: "supervisor", strategy: "rest_for_one" }),
  row("sup/ledger", "0.5.0", { restarts: 1 }), row("sup/cart", "0.6.0", { restarted_along: 1 }), row("sup/late", "0.7.0"),
] });
export const event = (at, type, pid, name, data) => ({
  id: `e-${at}`, seq: at, at, type, pid, name, supervisor: "sup", text: "", data: { supervisor_pid: "0.1.0", id: name, ...data },
});
/** The ledger crashes and takes the cart with it; a job that nobody restarts ends; a child is added. */
export const events = [
  event(10, "child_terminated", "0.2.0", "ledger", { reason: "ValueError", by: "exit" }),
  event(11, "child_terminated", "0.3.0", "cart", { reason: "shutdown", by: "supervisor" }),
  event(12, "child_restarted", "0.5.0", "ledger", { old: "0.2.0", reason: "ValueError", along: false }),
  event(13, "child_started", "0.6.0", "cart", { old: null, along: true }),
  event(14, "child_terminated", "0.4.0", null, { id: null, reason: "normal", by: "exit" }),
  event(15, "child_started", "0.7.0", "late", { old: null, along: false }),
];
export const older = [event(1, "child_started", "0.1.5", "other", { old: null, along: false })];
