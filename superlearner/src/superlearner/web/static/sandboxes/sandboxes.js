/**
 * The Playground, `/sandboxes`: code and the living tree of the sandbox that runs it. It opens the user's newest
 * sandbox or draft, a new one (`?new`), the one in the URL (`?sandbox=my_first`), or the list of all (`?all`).
 *
 * @module
 */

import { platform } from "../base/api.js";
import { attribute, byId, closest, make, mend, write } from "../base/dom.js";
import { shortcuts } from "../shell/keys.js";
import { catchUp, walls } from "./sandbox-bench.js";
import { list, wireList } from "./sandbox-list.js";
import { begin, drafted, enter, enterWith, exit, offerMembers, start } from "./sandbox-make.js";
import { hide, run, show, shows, wire } from "./sandbox-pane.js";
import { firstToOpen } from "./sandbox-words.js";
import { complain } from "../base/toast.js";

/** @import { Sandbox } from "./sandbox-words.js" */
/** @typedef {"one"|"new"|"all"|"gone"} View */

/** The URL parameters that choose the view. */
const WORDS = ["sandbox", "new", "all", "state", "owner", "q"];
const page = byId("sandboxes", HTMLElement);
const mine = byId("mine", HTMLSelectElement);
/** The actions on a sandbox: a menu on a phone. */
const [acts, actsOpen] = [byId("acts", HTMLElement), byId("acts-open", HTMLButtonElement)];
/** @type {Sandbox[]} */ let all = [];
let asking = false;
let again = false;
let arrived = false;
/** @typedef {typeof import("./sandbox-gone.js")} Gone */
/** @type {Promise<Gone>|null} */ let goneModule = null;

const asked = () => new URLSearchParams(location.search);
/** Return the sandbox in the URL; "" for none. */
const id = () => asked().get("sandbox") ?? "";

/** @returns {View} */
function view() {
  if (id()) return all.some((one) => one.id === id()) ? "one" : "gone";
  return ["all", "state", "owner", "q"].some((word) => asked().has(word)) ? "all" : "new";
}

/** @param {"sandbox"|"new"|"all"} word @param {string} [sandbox] */
function address(word, sandbox = "") {
  const next = asked();
  for (const other of WORDS) next.delete(other);
  next.set(word, sandbox);
  return `${location.pathname}?${next}`;
}

/** @param {string} sandbox */
const toOne = (sandbox) => address("sandbox", sandbox);

/** Load the sandboxes; a call during loading makes it load them once more. */
async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    do {
      again = false;
      all = await platform("GET", "/sandboxes?per_page=200");
    } while (again);
    await ready;
    if (!arrived) arrive();
    draw();
    page.dataset.ready = "yes";
  } catch (error) {
    complain(error, "Sandboxes");
  } finally {
    asking = false;
  }
}

/** Return the user's sandboxes, newest first. */
function ours() {
  const user = document.documentElement.dataset.user ?? "";
  return all.filter((one) => one.owner === user).toSorted((one, other) => other.created_at - one.created_at);
}

/** Without a choice in the URL, open what the user worked on last. */
function arrive() {
  arrived = true;
  const newest = firstToOpen(ours());
  if (WORDS.every((word) => !asked().has(word)) && newest && newest.created_at > drafted())
    history.replaceState(null, "", toOne(newest.id));
}

function draw() {
  const what = view(), one = all.find((sandbox) => sandbox.id === id());
  page.dataset.view = what;
  byId("everyone", HTMLElement).hidden = what !== "all";
  byId("gone-one", HTMLElement).hidden = what !== "gone";
  byId("work", HTMLElement).hidden = what === "all";
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll(".for-new"))) part.hidden = what !== "new";
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll(".for-one"))) part.hidden = what !== "one";
  byId("run", HTMLElement).hidden = what !== "one" && what !== "new"; // one that is gone has its own button
  byId("new-instead", HTMLAnchorElement).href = byId("new", HTMLAnchorElement).href = address("new");
  byId("to-all", HTMLAnchorElement).href = address("all");
  for (const [link, of] of [["new", "new"], ["to-all", "all"]])
    attribute(byId(link ?? "", HTMLElement), "aria-current", of === what ? "page" : null);
  choices(one, what);
  if (what === "all") list(all, toOne);
  const [lost, here] = [id(), shows(id())];
  if (what === "gone") withGone(({ gone }) => gone(lost, here));
  else if (goneModule) withGone(({ leaveGone }) => leaveGone());
  if (what !== "one") hide();
  if (what !== "new") exit();
  if (one) show(one);
  if (what === "new") enter();
}

/** Call `use` with the view of a sandbox that is gone; it is loaded on first use. @param {(view: Gone) => unknown} use */
function withGone(use) {
  goneModule ??= import("./sandbox-gone.js").then((view) => {
    view.wireGone(started, (of, source, options) => {
      history.pushState(null, "", address("new"));
      exit();
      enterWith(of, source, options);
      draw();
    });
    return view;
  }, (error) => {
    goneModule = null; // the next call tries again
    throw error;
  });
  goneModule.then(use).catch((error) => complain(error, "Sandbox"));
}

/** Fill the switch between sandboxes: the user's own, and the one that is shown. @param {Sandbox|undefined} one @param {View} what */
function choices(one, what) {
  const some = ours();
  if (one && !some.includes(one)) some.unshift(one);
  mend(mine, [
    ...(what === "one" ? [] : [make("option", { value: "" }, what === "new" ? "New sandbox" : "Choose a sandbox")]),
    ...some.map((sandbox) =>
      make("option", { value: sandbox.id }, sandbox.status === "running" ? sandbox.id : `${sandbox.id} (${sandbox.status})`)),
  ]);
  mine.value = one?.id ?? "";
}

/** @param {string} where */
function go(where) {
  history.pushState(null, "", where);
  draw();
}

/** Follow links within the page without a reload. @param {MouseEvent} event */
function follow(event) {
  const link = closest(event.target, "a");
  if (!link || link.pathname !== location.pathname || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.href);
}

/** @param {"code"|"tree"} pane  the one that a phone shows */
function look(pane) {
  page.dataset.pane = pane;
  for (const button of byId("panes", HTMLElement).querySelectorAll("button"))
    attribute(button, "aria-pressed", String(button.dataset["pane"] === pane));
  if (pane === "code") catchUp();
}

/** Run the text in the editor. */
function runIt() {
  if (page.dataset.view === "new") void start();
  else if (page.dataset.view === "one") void run();
  else if (page.dataset.view === "gone") withGone(({ runAgain }) => runAgain());
}

/** Show a sandbox that was started from the editor. @param {Sandbox} made @param {string|null} source */
function started(made, source) {
  all = [made, ...all.filter((one) => one.id !== made.id)];
  history.pushState(null, "", toOne(made.id));
  exit();
  show(made, source);
  draw();
  look("tree");
  void refresh();
}

async function machine() {
  const here = await platform("GET", "/sandbox-walls");
  write(byId("walls-says", HTMLElement), here.says);
  walls(byId("walls-list", HTMLElement), here.walls);
  const missing = here.walls.filter((/** @type {any} */ wall) => wall.required && !wall.up)
    .map((/** @type {any} */ wall) => `${wall.name}: ${wall.says}`)
    .join("; ");
  byId("weak", HTMLElement).hidden = !here.weak;
  byId("no-walls", HTMLElement).hidden = here.untrusted || here.weak;
  write(byId("weak-says", HTMLElement), `${here.says}.`);
  write(byId("no-walls-says", HTMLElement), `This machine lacks an isolation layer: ${missing}.`);
}

wire(refresh, () => look("tree"));
wireList(draw, refresh);
page.addEventListener("click", follow);
byId("run", HTMLButtonElement).onclick = runIt;
mine.onchange = () => go(mine.value ? toOne(mine.value) : address("new"));
acts.addEventListener("toggle", (event) => {
  const open = /** @type {ToggleEvent} */ (event).newState === "open";
  attribute(actsOpen, "aria-expanded", String(open));
  const { right, bottom } = actsOpen.getBoundingClientRect();
  acts.style.translate = open ? `${Math.max(8, right - acts.offsetWidth)}px ${bottom + 4}px` : "";
});
acts.onclick = () => acts.matches(":popover-open") && acts.hidePopover();
byId("panes", HTMLElement).onclick = (event) => {
  const button = closest(event.target, "button");
  if (button) look(button.dataset["pane"] === "tree" ? "tree" : "code");
};
document.addEventListener("keydown", (event) => { // before the editor, which has another use for it
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  event.stopPropagation();
  if (!("over" in document.documentElement.dataset)) runIt();
}, { capture: true });
window.addEventListener("popstate", draw);
window.addEventListener("sl-sandboxes", () => void refresh());
/** Show the members to choose from. */
const offer = () => offerMembers().catch((error) => complain(error, "Members"));
window.addEventListener("sl-nodes", () => void offer());
shortcuts([
  { keys: ["Ctrl Enter"], text: "Run the code: start it, or change it while it runs" },
  { keys: ["n"], text: "A new sandbox", run: () => go(address("new")) },
]);
document.addEventListener("visibilitychange", () => document.hidden || void refresh()); // ages and memory are outdated
const ready = begin(() => all.map((sandbox) => sandbox.id), started, () => look("tree")).catch((error) => complain(error, "Templates"));
void refresh();
void offer();
machine().catch((error) => complain(error, "Isolation layers"));
