/**
 * The page /sandboxes: the list, a new sandbox (`?new`), or the one in the URL (`?sandbox=my_first`).
 *
 * @module
 */

import { platform } from "../base/api.js";
import { byId, make, mend, write } from "../base/dom.js";
import { shortcuts } from "../shell/keys.js";
import { list, wireList } from "./sandbox-list.js";
import { begin, propose } from "./sandbox-make.js";
import { show, walls, wire } from "./sandbox-pane.js";
import { LOOKS, told } from "./sandbox-words.js";
import { complain } from "../base/toast.js";

/** @typedef {import("./sandbox-words.js").Sandbox} Sandbox */

const page = byId("sandboxes", HTMLElement);
/** @type {Sandbox[]} */ let all = [];
let asking = false;
let again = false;
let made = false;

/** Return the sandbox in the URL; "" for none. */
const id = () => new URLSearchParams(location.search).get("sandbox") ?? "";
/** Return whether to show the form for a new one: on request, or if there are none. */
const anew = () => id() === "" && (new URLSearchParams(location.search).has("new") || all.length === 0);

/** @param {"sandbox"|"new"|""} view @param {string} [sandbox] */
function address(view, sandbox = "") {
  const next = new URLSearchParams(location.search);
  for (const word of ["sandbox", "new"]) next.delete(word);
  if (view) next.set(view, sandbox);
  return `${location.pathname}${next.size ? `?${next}` : ""}`;
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
    draw();
    page.dataset.ready = "yes";
  } catch (error) {
    complain(error, "Sandboxes");
  } finally {
    asking = false;
  }
}

function draw() {
  byId("no-sandboxes", HTMLElement).hidden = all.length > 0;
  const now = Date.now() / 1000;
  mend(byId("list", HTMLElement), all.map((one) => make("li", { "data-key": one.id, "data-state": LOOKS[one.status] },
    make("a", { class: "name", href: toOne(one.id), "data-sandbox": one.id, "aria-current": one.id === id() ? "page" : null }, one.id),
    make("span", { class: "tag" }, one.status), make("span", { class: "told" }, told(one, now)),
    one.reason ? make("span", { class: "why", title: one.reason }, one.reason) : null)));
  const one = all.find((sandbox) => sandbox.id === id());
  page.dataset.view = anew() ? "new" : id() ? "one" : "all";
  byId("everyone", HTMLElement).hidden = anew() || id() !== "";
  byId("make", HTMLElement).hidden = !anew();
  byId("one", HTMLElement).hidden = !one;
  byId("gone-one", HTMLElement).hidden = id() === "" || one !== undefined;
  for (const [link, view] of /** @type {const} */ ([["to-all", ""], ["new", "new"], ["new-too", "new"], ["new-instead", "new"]])) byId(link, HTMLAnchorElement).href = address(view);
  list(all, toOne);
  if (one) show(one);
  if (anew() && !made) {
    made = true;
    begin(() => all.map((sandbox) => sandbox.id), (started) => {
      go(toOne(started.id));
      void refresh();
    }).catch((error) => complain(error, "Templates"));
  } else if (anew()) propose();
}

/** @param {string} where */
function go(where) {
  history.pushState(null, "", where);
  draw();
}

/** Follow links within the page without a reload. @param {MouseEvent} event */
function follow(event) {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.pathname !== location.pathname || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.href);
}

async function machine() {
  const here = await platform("GET", "/sandbox-walls");
  write(byId("walls-says", HTMLElement), here.says);
  walls(byId("walls-list", HTMLElement), here.walls);
  const missing = here.walls.filter((/** @type {any} */ wall) => wall.required && !wall.up).map((/** @type {any} */ wall) => `${wall.name}: ${wall.says}`).join("; ");
  byId("weak", HTMLElement).hidden = !here.weak;
  byId("no-walls", HTMLElement).hidden = here.untrusted || here.weak;
  write(byId("weak-says", HTMLElement), `${here.says}.`);
  write(byId("no-walls-says", HTMLElement), `This machine lacks a wall: ${missing}.`);
}

wire(refresh);
wireList(draw, refresh);
page.addEventListener("click", follow);
window.addEventListener("popstate", draw);
window.addEventListener("sl-sandboxes", () => void refresh());
shortcuts([{ keys: ["n"], text: "A new sandbox", run: () => go(address("new")) }]);
document.addEventListener("visibilitychange", () => document.hidden || void refresh()); // ages and memory are outdated
void refresh();
machine().catch((error) => complain(error, "Walls"));
