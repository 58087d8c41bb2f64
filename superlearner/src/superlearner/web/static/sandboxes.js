/**
 * The page /sandboxes: those there are, a new one, or the one that the address names (`?sandbox=my_first`).
 *
 * @module
 */

import { platform } from "./api.js";
import { byId, make, mend, write } from "./dom.js";
import { shortcuts } from "./keys.js";
import { begin } from "./sandbox-make.js";
import { show, walls, wire } from "./sandbox-pane.js";
import { told, upText } from "./sandbox-words.js";
import { complain } from "./toast.js";

/** @typedef {import("./sandbox-words.js").Sandbox} Sandbox */

const STATES = { running: "running", starting: "starting", stopping: "exiting", ended: "crashed" };
const page = byId("sandboxes", HTMLElement);
/** @type {Sandbox[]} */ let all = [];
let asking = false;
let again = false;
let made = false;

/** The sandbox that the address names; "" for a new one. */
const id = () => new URLSearchParams(location.search).get("sandbox") ?? "";

/** @param {string} sandbox */
function address(sandbox) {
  const next = new URLSearchParams(location.search);
  next.delete("sandbox");
  if (sandbox) next.set("sandbox", sandbox);
  return `${location.pathname}${next.size ? `?${next}` : ""}`;
}

/** Reads the sandboxes; who comes while they are read has them read once more. */
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
  mend(byId("list", HTMLElement), all.map((one) => make("li", { "data-key": one.id, "data-state": STATES[one.status] },
    make("a", { class: "name", href: address(one.id), "data-sandbox": one.id, "aria-current": one.id === id() ? "page" : null }, one.id),
    make("span", { class: "tag" }, one.status), make("span", { class: "told" }, `${told(one, now)} · ${upText(one.walls)}`),
    one.reason ? make("span", { class: "why" }, one.reason) : null)));
  const one = all.find((sandbox) => sandbox.id === id());
  byId("make", HTMLElement).hidden = id() !== "";
  byId("one", HTMLElement).hidden = !one;
  byId("gone-one", HTMLElement).hidden = id() === "" || one !== undefined;
  if (one) show(one);
  if (id() === "" && !made) {
    made = true;
    begin(() => all.map((sandbox) => sandbox.id), (started) => {
      go(started.id);
      void refresh();
    }).catch((error) => complain(error, "Templates"));
  }
}

/** @param {string} sandbox */
function go(sandbox) {
  history.pushState(null, "", address(sandbox));
  draw();
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
byId("list", HTMLElement).onclick = (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link?.dataset["sandbox"] || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.dataset["sandbox"]);
};
byId("new", HTMLAnchorElement).href = address("");
byId("new", HTMLAnchorElement).onclick = (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go("");
};
window.addEventListener("popstate", draw);
window.addEventListener("sl-sandboxes", () => void refresh());
shortcuts([{ keys: ["n"], text: "A new sandbox", run: () => go("") }]);
void refresh();
machine().catch((error) => complain(error, "Walls"));
