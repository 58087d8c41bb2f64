/**
 * The page of the operations: search, form, result, equivalents in other interfaces, history, audit log.
 *
 * @module
 */

import { ApiError, request } from "../base/api.js";
import { ask, follow } from "./asking.js";
import { AuditLog } from "./audit-log.js";
import { copyButton } from "../base/copying.js";
import { cli } from "../base/commands.js";
import { attribute, byId, chosen, make, root } from "../base/dom.js";
import { entryOf, fieldsOf, valuesOf } from "./form-fields.js";
import { shortcuts } from "../shell/keys.js";
import { OFTEN } from "./operation-list.js";
import { Shelf, hrefOf } from "./operation-shelf.js";
import { Work } from "./operation-work.js";
import { SlResult } from "./result.js";
import { forget, remember, runs, withoutSecrets } from "./run-history.js";
import { runLine } from "./run-line.js";
import { sameAs } from "./same-as.js";
import { tabs } from "../components/tab-list.js";

/** @import { Line } from "./form-fields.js" */
/** @import { Asker } from "./operation-work.js" */
/** @import { Outcome } from "./asking.js" */

const page = byId("arsenal", HTMLElement);
const result = byId("result", SlResult);
const place = byId("chosen", HTMLElement);
/** @type {Map<string, Line>} */ const lines = new Map();
/** @type {Asker|null} */ let asker = null;
/** @type {Work|null} */ let work = null;
/** @type {Line|null} */ let line = null;
/** @type {AbortController|null} */ let stopping = null;

const shelf = new Shelf((name) => open(name, {}, { push: true }));
const audit = new AuditLog(byId("audit", HTMLElement), (name, values) => open(name, values, { push: true }));
const showBelow = tabs(byId("tab-same", HTMLElement).parentElement ?? page);
const showView = tabs(byId("tab-operations", HTMLElement).parentElement ?? page, (id) => {
  attribute(page, "data-view", id);
  audit.look(id === "audit");
  const here = new URL(location.href);
  if (id === "audit") here.searchParams.set("view", id);
  else here.searchParams.delete("view");
  if (here.href !== location.href) history.replaceState(history.state, "", here);
});

/** Show only the result, under a title; without one, show it beside the list and the form. @param {string} [title] */
function showAlone(title) {
  const heading = byId("result-title", HTMLElement);
  attribute(page, "data-alone", title ? "" : null);
  heading.classList.toggle("vh", !title);
  heading.textContent = title ?? "Result";
}

/** Select the part that is visible on a phone. @param {"list"|"form"|"result"} name */
function step(name) {
  if (name !== "result") showAlone();
  attribute(page, "data-step", name);
}

/**
 * Show the form of an operation without running it.
 * @param {string} name
 * @param {Record<string, unknown>} values
 * @param {{push?: boolean, focus?: boolean}} [how]
 */
function open(name, values, { push = false, focus = true } = {}) {
  const found = lines.get(name);
  showView("operations");
  if (!found) return missing(name);
  line = found;
  work = new Work(found, asker, values, (given, how) => run(found, given, how.dryRun));
  work.form.addEventListener("sl-change", same);
  place.replaceChildren(work.element);
  place.hidden = false;
  byId("nothing", HTMLElement).hidden = true;
  byId("work", HTMLElement).scrollTop = 0;
  shelf.choose(name);
  same();
  step("form");
  if (push) history.pushState(null, "", hrefOf(name));
  document.title = `${found.summary} · Arsenal · SuperLearner`;
  if (focus) work.form.focusFirst();
}

/** @param {string} name */
function missing(name) {
  place.replaceChildren(
    make("div", { class: "void" }, make("h2", {}, "There is no such operation"),
      make("p", {}, make("code", {}, name.slice(0, 200)),
        " is not one of those of this platform. Search on the left, or look into the list."),
      make("p", {}, "It may belong to a package that is not installed here.")));
  place.hidden = false;
  byId("nothing", HTMLElement).hidden = true;
  step("form");
}

/**
 * @param {Line} what
 * @param {Record<string, unknown>} values
 * @param {boolean} dryRun
 * @param {string} [node]
 * @returns {Promise<Outcome>}
 */
async function run(what, values, dryRun, node = chosen()) {
  stopping?.abort();
  const stop = (stopping = new AbortController());
  const how = { node, dryRun, signal: stop.signal };
  const secrets = work?.form.secrets ?? [];
  step("result");
  let outcome;
  if (what.streams) {
    const shown = result.stream(() => stop.abort());
    outcome = await follow(what, values, shown.more, how);
    if (stopping === stop) shown.end(outcome);
  } else {
    result.wait(what.summary, () => stop.abort());
    outcome = await ask(what, values, how);
    if (stopping === stop) result.show(outcome, { dryRun, name: what.name, first: what.short });
    if (dryRun && outcome.ok) step("form"); // the button that runs it is there
  }
  const { ok, status, took, error } = outcome;
  remember({
    operation: what.name, summary: what.summary, ...withoutSecrets(values, secrets), node, dryRun, at: Date.now(), ok, status,
    code: error?.code ?? "", took,
  });
  drawRuns();
  if (status === 401) lost();
  return outcome;
}

/** Handle a credential that expired or was revoked while the page was open. */
function lost() {
  const note = byId("lost", HTMLElement);
  const here = location.pathname.slice(root().length) + location.search;
  note.replaceChildren("Your credential has ended or was revoked, so nothing more is answered here. ",
    make("a", { href: `${root()}/sign-in?next=${encodeURIComponent(here)}` }, "Sign in again"),
    " and you are back at this form.");
  note.hidden = false;
}

/** Update the equivalents in other interfaces from the form. */
function same() {
  const holder = byId("same", HTMLElement);
  if (!line || !work)
    return holder.replaceChildren(
      make("p", { class: "hint" },
        "Pick an operation: here stands how to do the same with curl, the command line, Python and an AI client."));
  const wrong = Object.keys(work.form.problems);
  const values = { ...Object.fromEntries(wrong.map((name) => [name, name.toUpperCase()])), ...work.form.values };
  const at = location.origin + root();
  const found = sameAs(line, values, { node: chosen(), at, credential: asker?.credential ?? false, cli: cli() });
  const missing = wrong.length ? [make("p", { class: "hint" }, `Still to fill in: ${wrong.join(", ")}.`)] : [];
  const open = holder.querySelector("details[open]")?.getAttribute("data-door") ?? "curl";
  return holder.replaceChildren(...missing, ...found.map(({ id, label, text, words }) =>
    make("section", { class: "door", "data-door": id, "data-open": id === open },
      make("h3", {}, label, " ", make("span", { class: "hint" }, words)),
      make("div", { class: "copyable" },
        make("pre", { tabindex: 0, role: "group", "aria-label": label }, text),
        copyButton(() => text, "Copy", `Copy the line for ${label}`)))));
}

function drawRuns() {
  const holder = byId("runs", HTMLElement);
  const known = runs();
  byId("tab-runs", HTMLElement).textContent = known.length ? `History ${known.length}` : "History";
  if (!known.length)
    return holder.replaceChildren(
      make("p", { class: "hint" },
        "What you run in this tab is listed here, to be run again. It is forgotten with the tab; secrets are never kept."));
  const clear = make("button", { type: "button", class: "btn quiet" }, "Forget all");
  clear.onclick = () => {
    forget();
    drawRuns();
    showBelow("runs", true);
  };
  return holder.replaceChildren(make("ol", {}, ...known.map((one) => runLine(one, lines.get(one.operation), {
    fill: () => open(one.operation, one.values, { push: true }),
    again: () => again(one),
  }))), clear);
}

/**
 * Run an operation again with the same values; if it is destructive or had a secret, only fill the form.
 * @param {import("./run-history.js").Run} one
 */
async function again(one) {
  open(one.operation, one.values, { push: true });
  if (!line || one.hidden.length) return;
  await (one.dryRun ? work?.tryDry() : work?.go());
}

/** Open the operation and form values of the URL. */
function fromAddress() {
  const query = new URL(location.href).searchParams;
  const name = query.get("operation");
  if (query.get("view") === "audit" && !byId("tab-audit", HTMLElement).hidden) showView("audit");
  if (!name) {
    line = work = null;
    place.hidden = true;
    byId("nothing", HTMLElement).hidden = false;
    shelf.choose("");
    step("list");
    return same();
  }
  const found = lines.get(name);
  /** @type {Record<string, unknown>} */ const values = {};
  for (const field of found ? fieldsOf(found) : []) {
    const given = query.getAll(field.name);
    if (!given.length) continue;
    const [text = ""] = given;
    const entry = field.kind === "several" ? given
      : field.kind === "list" ? given.join("\n")
      : field.kind === "flag" ? text !== "false"
      : text;
    const read = valuesOf([field], { [field.name]: entry });
    values[field.name] = field.name in read.values ? read.values[field.name]
      : typeof entry === "string" && field.name in read.wrong ? entry
      : entryOf(field);
  }
  open(name, values, { focus: Boolean(found) });
  if (query.get("view") === "result" && found?.scope === "read") { // a link may run an operation that only reads
    showAlone(found.summary);
    void work?.go();
  }
  return undefined;
}

async function begin() {
  try {
    const [found, who] = await Promise.all([request("GET", "/arsenal/operations"), request("GET", "/arsenal/whoami").catch(() => null)]);
    for (const one of /** @type {Line[]} */ (found)) lines.set(one.name, one);
    asker = who;
  } catch (error) {
    const failed = error instanceof ApiError ? error : new ApiError("failed", String(error), "", 0);
    if (failed.status === 401) lost();
    byId("groups", HTMLElement).replaceChildren(
      make("div", { class: "none" },
        make("p", {}, make("b", {}, "The operations cannot be listed.")),
        make("p", {}, `${failed.message} ${failed.hint}`)));
    attribute(page, "data-ready", "failed");
    return;
  }
  byId("asker", HTMLElement).replaceChildren(...(asker ? [make("b", {}, asker.user), ` · ${asker.scopes.join(", ") || "no scope"}`] : []));
  shelf.show([...lines.values()], new Set(asker?.may ?? ["read", "operate", "code"]));
  byId("often", HTMLElement).replaceChildren(...Object.entries(OFTEN).filter(([name]) => lines.has(name)).map(([name, words]) => {
    const link = make("a", { href: hrefOf(name) }, words);
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(name, {}, { push: true });
    };
    return make("li", {}, link);
  }));
  drawRuns();
  same();
  fromAddress();
  attribute(page, "data-ready", "operations");
}

byId("to-list", HTMLButtonElement).onclick = () => {
  step("list");
  shelf.focusChosen();
};
byId("to-form", HTMLButtonElement).onclick = () => {
  step("form");
  work?.form.focusFirst();
};
window.addEventListener("popstate", fromAddress);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && work && page.dataset.view === "operations"
    && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    work.go();
  } else if (event.key === "Escape" && !event.defaultPrevented && event.target instanceof Element && event.target.closest("#work"))
    shelf.focusChosen();
});
shortcuts([
  { keys: ["/"], text: "Search operations", run: () => { showView("operations"); step("list"); shelf.search(); } },
  { keys: ["↑", "↓"], text: "Walk through the list" },
  { keys: ["Ctrl Enter"], text: "Run; what destroys, dry first" },
  { keys: ["Esc"], text: "From the form back to the list" },
]);
begin();
