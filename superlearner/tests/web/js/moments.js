/**
 * Moments that a supervisor would make: what restarts after an exit, by the rules of the strategies.
 *
 * @module
 */

const all = (node) => [node, ...node.children.flatMap(all)];

/** A worker. */
export const worker = (id, pid = null, more = {}) => ({
  id, name: id.split("/").at(-1), kind: "worker", pid, strategy: null, limit: null, used: 0, restart: "permanent",
  state: `${id.split("/").at(-1)}(items=3)`, children: [], more: 0, ...more,
});

/** A supervisor. */
export const supervisor = (id, strategy, children, more = {}) => ({
  id, name: id.split("/").at(-1), kind: "supervisor", pid: null, strategy, limit: [3, 5], used: 0, restart: "permanent", state: null,
  children, more: 0, ...more,
});

/** A moment in which `victim` ends. */
export function simulate(root, victim, reason = "ValueError('negative amount')", more = {}) {
  const nodes = new Map(all(root).map((node) => [node.id, node]));
  const above = new Map(all(root).flatMap((node) => node.children.map((child) => [child.id, node])));
  const events = [], gone = new Set();
  let clock = 0, pid = 61;
  const add = (event) => events.push({ ...event, at: (clock += 0.00008) });
  const stop = (by, node) => {
    for (const child of [...node.children].reverse()) stop(node.id, child);
    add({ kind: "stop", id: node.id, by });
  };
  const start = (by, node) => {
    add({ kind: "start", id: node.id, by, pid: `0.${pid++}.0`, state: node.kind === "worker" ? `${node.name}(items=0)` : null });
    for (const child of node.children) if (!gone.has(child.id)) start(node.id, child);
  };
  const exit = (id, why) => {
    const boss = above.get(id), me = nodes.get(id);
    if (!boss) return;
    add({ kind: "signal", id, to: boss.id, reason: why });
    if (me.restart === "temporary") {
      gone.add(id);
      return add({ kind: "decide", id: boss.id, what: "drop", left: null, strategy: boss.strategy });
    }
    const left = boss.limit ? boss.limit[0] - boss.used : Infinity;
    if (left <= 0) {
      add({ kind: "decide", id: boss.id, what: "give_up", left: 0, strategy: boss.strategy });
      for (const child of [...boss.children].reverse()) if (child !== me) stop(boss.id, child);
      add({ kind: "crash", id: boss.id, reason: "shutdown", crash: true });
      return exit(boss.id, "shutdown");
    }
    add({ kind: "decide", id: boss.id, what: "restart", left: left === Infinity ? null : left - 1, strategy: boss.strategy });
    const place = boss.children.indexOf(me);
    const group = boss.strategy === "one_for_all" ? boss.children : boss.strategy === "rest_for_one" ? boss.children.slice(place) : [me];
    for (const child of [...group].reverse()) if (child !== me) stop(boss.id, child);
    for (const child of group) start(boss.id, child);
  };
  add({ kind: "crash", id: victim, reason, crash: reason !== "killed" });
  clock = 0;
  events[0].at = 0;
  exit(victim, reason);
  const boss = above.get(victim);
  return {
    id: 1204, at: 1763851227.4, took: clock, complete: true, going_on: false, line: null, root, events, storm: 0,
    ghosts: boss ? { [boss.strategy]: { also: [], not: [] } } : {}, summary: `${nodes.get(victim).name} ended.`, ...more,
  };
}

/** A tree of random shape, and a process in it that ends. */
export function drawMoment(draw) {
  const strategies = ["one_for_one", "one_for_all", "rest_for_one"];
  const grow = (id, depth) => supervisor(id, draw.one(strategies), Array.from({ length: draw.int(1, 6) }, (_, place) =>
    depth < 2 && draw.int(0, 3) === 0 ? grow(`${id}/s${place}`, depth + 1)
      : worker(`${id}/w${place}`, `0.${place}.0`,
        { restart: draw.int(0, 5) ? "permanent" : "temporary", state: draw.int(0, 2) ? "0" : null })),
  { used: draw.int(0, 3), more: draw.int(0, 4) ? 0 : 30 });
  const root = grow("top", 0);
  return simulate(root, draw.one(all(root).slice(1)).id, draw.one(["killed", "ValueError('x')", "normal"]));
}

/** The shop of the demo, as the pictures show it. */
export function shop(more = {}) {
  return supervisor("shop", "one_for_one", [
    supervisor("shop/checkout_sup", "rest_for_one", [
      worker("shop/checkout_sup/ledger", "0.58.0", { state: "Book({17: 40})" }),
      worker("shop/checkout_sup/cart", "0.59.0", { state: "Cart(items=3)" }),
      worker("shop/checkout_sup/mailer", "0.60.0", { state: "Outbox(sent=214)" }),
    ], more),
    supervisor("shop/warehouse_sup", "one_for_all",
      [worker("shop/warehouse_sup/shelves", "0.28.0"), worker("shop/warehouse_sup/robot", "0.29.0")]),
    supervisor("shop/orders", "dynamic",
      [17, 18, 19].map((number) => worker(`shop/orders/${number}`, `0.${number + 34}.0`, { name: `Order ${number}` })),
      { kind: "dynamic_supervisor", limit: [100, 5] }),
    worker("shop/customers", "0.33.0", { state: "Customers(12)" }),
    worker("shop/stocktaking", "0.34.0", { restart: "temporary", state: null }),
  ]);
}
