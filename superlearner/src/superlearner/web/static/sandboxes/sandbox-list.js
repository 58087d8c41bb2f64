/**
 * The list of all sandboxes with state, owner, resources and end, and a button to delete ended ones. The search is in
 * the URL.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { attribute, byId, closest, make, mend, root, write } from "../base/dom.js";
import { ageOf, countsOf, fitting, lookOf, ownersOf } from "./sandbox-words.js";
import { complain, toast } from "../base/toast.js";
import { counted, number, size, time } from "../base/words.js";

/** @import { Sandbox, Wanted } from "./sandbox-words.js" */

const NAMED = 8;
const find = byId("find-sandbox", HTMLInputElement);
const owner = byId("owner", HTMLSelectElement);
const states = byId("states", HTMLElement);
const clear = byId("destroy-ended", HTMLButtonElement);
/** @type {Sandbox[]} */ let shown = [];

/** @returns {Wanted} */
function wanted() {
  const query = new URLSearchParams(location.search);
  return { q: query.get("q") ?? "", owner: query.get("owner") ?? "", state: query.get("state") ?? "" };
}

/** @param {Partial<Wanted>} what */
function want(what) {
  const next = new URL(location.href);
  for (const [name, value] of Object.entries(what)) {
    if (value) next.searchParams.set(name, value);
    else next.searchParams.delete(name);
  }
  next.searchParams.set("all", ""); // without a filter, too
  history.replaceState(history.state, "", next);
}

/**
 * Activate the controls.
 * @param {() => void} draw
 * @param {() => Promise<void>} refresh
 */
export function wireList(draw, refresh) {
  const change = (/** @type {Partial<Wanted>} */ what) => {
    want(what);
    draw();
  };
  find.oninput = () => change({ q: find.value.trim() });
  owner.onchange = () => change({ owner: owner.value });
  states.onclick = (event) => {
    const button = closest(event.target, "button");
    if (button) change({ state: button.dataset["state"] ?? "" });
  };
  clear.onclick = () => void destroyEnded(refresh);
  byId("clear-sandbox-search", HTMLButtonElement).onclick = () => change({ q: "", owner: "", state: "" });
}

/**
 * @param {Sandbox[]} all
 * @param {(id: string) => string} address  returns the URL of a sandbox
 */
export function list(all, address) {
  const query = wanted();
  if (document.activeElement !== find) find.value = query.q;
  const owners = ownersOf(all);
  const known = owners.includes(query.owner) || !query.owner ? owners : [...owners, query.owner];
  mend(owner, [make("option", { value: "" }, "Everybody"), ...known.map((one) => make("option", { value: one }, one))]);
  owner.value = query.owner;
  byId("owner-field", HTMLElement).hidden = known.length < 2;
  for (const button of states.querySelectorAll("button"))
    attribute(button, "aria-pressed", String((button.dataset["state"] ?? "") === query.state));
  shown = all.filter(fitting(query));
  const ended = shown.filter((one) => one.status === "ended");
  write(byId("list-counts", HTMLElement), countsOf(all));
  clear.hidden = ended.length === 0;
  write(clear, `Destroy ${number(ended.length)} ended…`);
  const now = Date.now() / 1000, spread = all.some((one) => one.member);
  byId("member-head", HTMLElement).hidden = !spread;
  mend(byId("all-sandboxes", HTMLElement), shown.map((one) => line(one, now, spread, address)));
  byId("no-fit", HTMLElement).hidden = shown.length > 0 || all.length === 0;
  byId("none-yet", HTMLElement).hidden = all.length > 0;
}

/**
 * @param {Sandbox} one
 * @param {number} now
 * @param {boolean} spread  some run on other members of the cluster
 * @param {(id: string) => string} address
 */
function line(one, now, spread, address) {
  const tree = make("a", {
    class: "tree-link",
    href: `${root()}/supervisors?node=${encodeURIComponent(one.node)}`,
    "aria-label": `Tree of ${one.id}`,
  },
    "Tree");
  return make("tr", { "data-key": one.id, "data-state": lookOf(one) },
    make("th", { scope: "row" }, make("a", { class: "name", href: address(one.id), "data-sandbox": one.id }, one.id)),
    make("td", {}, make("span", { class: "tag" }, one.status)),
    make("td", { class: "who" }, one.owner),
    make("td", { class: "num age", title: one.ended_at ? `Until it ended, at ${time(one.ended_at)}` : null }, ageOf(one, now)),
    make("td", { class: "num restarts" }, one.restart_count ? number(one.restart_count) : ""),
    make("td", { class: "num memory" }, one.memory_bytes ? size(one.memory_bytes) : ""),
    make("td", { class: "member", hidden: !spread, title: one.member ?? null }, one.member ?? ""),
    make("td", { class: "why", title: one.reason ?? null }, one.reason ?? ""),
    make("td", { class: "go-to" }, one.status === "running" ? tree : ""));
}

/** @param {() => Promise<void>} refresh */
async function destroyEnded(refresh) {
  const ended = shown.filter((one) => one.status === "ended");
  const names = ended.slice(0, NAMED).map((one) => one.id).join(", ")
    + (ended.length > NAMED ? ` and ${number(ended.length - NAMED)} more` : "");
  if (!(await confirm(`Destroy ${counted(ended.length, "sandbox", "sandboxes")}?`,
    `${names}. Their code, versions, output and what happened in them are forgotten. Those that run stay.`,
    `Destroy ${number(ended.length)}`)))
    return;
  clear.disabled = true;
  /** @type {{id: string, error: unknown}[]} */ const failed = [];
  for (const { id } of ended) {
    await platform("DELETE", `/sandboxes/${encodeURIComponent(id)}`).catch((error) => failed.push({ id, error }));
  }
  clear.disabled = false;
  const [first] = failed;
  if (first)
    complain(first.error,
      failed.length === 1 ? `Destroy ${first.id}` : `${number(failed.length)} of ${number(ended.length)} are still there; ${first.id}`);
  else toast(`${counted(ended.length, "sandbox is", "sandboxes are")} gone.`);
  await refresh();
}
