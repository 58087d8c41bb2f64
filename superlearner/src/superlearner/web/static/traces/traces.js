/**
 * The page /traces: the traces of a node, the form that starts one, and the selected one, live. Its id is in the URL
 * (`?trace=t3`); `?process=<pid or name>` leads to its running trace, or fills in the form.
 *
 * @module
 */

import { request } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { byId, chosen, closest, detail, make, mend, renew, root, write } from "../base/dom.js";
import { shortcuts } from "../shell/keys.js";
import { Feed, liveUrl } from "../live/live.js";
import { freshName, SlRecordings, replayAddress } from "./recordings-list.js";
import { SlSequence } from "./sequence.js";
import { short } from "./sequence-layout.js";
import { announce, showStatus, silentWords } from "../live/status.js";
import { tabs } from "../components/tab-list.js";
import { complain, toast } from "../base/toast.js";
import { SlTraceForm } from "./trace-form.js";
import { endText, latencies, lossText, NOTHING, take, title } from "./traces-model.js";
import { counted, number, time } from "../base/words.js";

/** @import { Seen } from "./traces-model.js" */

const page = byId("traces", HTMLElement);
const sequence = byId("sequence", SlSequence);
const form = byId("form", SlTraceForm);
const recordings = byId("recordings", SlRecordings);
const query = new URLSearchParams(location.search);
const id = query.get("trace") ?? "";

/** The form is shown then, although a request has no answer. */
const PATIENCE_MS = 1500;

/** @type {Seen} */ let seen = NOTHING;
/** Return the selected trace. */
const one = () => seen.traces.find((trace) => trace.trace_id === id);

const feed = new Feed(liveUrl("traces", id ? { trace: id } : {}), (frames) => receive(/** @type {any[]} */ (frames)), onStatus);

/** @param {any[]} frames */
function receive(frames) {
  const before = seen;
  for (const frame of frames) seen = take(seen, frame);
  if (seen.gap) {
    if (!before.gap) feed.sync();
    return;
  }
  if (seen.traces !== before.traces || before.epoch === null) list();
  if (before.epoch === null && !id) goToTrace(query.get("process") ?? "");
  if (id) follow(before);
  page.dataset.ready = "yes";
  page.dataset.seq = String(seen.seq);
}

/** Show the running trace of a process, if it has one. @param {string} process  its name or pid */
function goToTrace(process) {
  const trace = seen.traces.find(({ tracing, names, pids }) => tracing && [...names, ...pids].includes(process));
  if (trace) location.replace(address({ trace: trace.trace_id }));
}

/** Show the selected trace: counts, diagram and latencies. @param {Seen} before */
function follow(before) {
  const trace = one();
  byId("begin", HTMLElement).hidden = true;
  byId("one", HTMLElement).hidden = !trace;
  byId("no-trace", HTMLElement).hidden = trace !== undefined;
  if (!trace) return;
  write(byId("one-title", HTMLElement), title(trace));
  byId("stop", HTMLButtonElement).hidden = !trace.tracing;
  renew(byId("one-counts", HTMLElement), [
    make("span", { "data-look": trace.tracing ? "running" : null }, trace.tracing ? make("b", {}, "running") : endText(trace)),
    make("span", {}, make("b", {}, number(trace.messages)), trace.messages === 1 ? " message" : " messages"),
    ...(lossText(trace) ? [make("span", { "data-look": "restarting", title: "Counted, but not kept" }, lossText(trace))] : []),
  ]);
  if (seen.items !== before.items || seen.people !== before.people) {
    sequence.show(seen);
    people();
    if (!byId("latency", HTMLElement).hidden) slow();
  }
}

/** Return the participants in the filter. */
function people() {
  const select = byId("who", HTMLSelectElement);
  const names = [...new Set([...seen.people.values()].map((person) => person.label))].sort();
  const options = ["", ...names].map((name) => make("option", { value: name }, name || "All processes"));
  const old = select.value;
  renew(select, options);
  select.value = names.includes(old) ? old : "";
}

function slow() {
  const lines = latencies(seen.items, seen.people);
  byId("no-latencies", HTMLElement).hidden = lines.length > 0;
  const took = (/** @type {number|null} */ seconds) => make("td", { class: "num" }, seconds === null ? "" : short(seconds));
  mend(byId("latencies", HTMLElement), lines.map((line) => make("tr", {},
    make("td", {}, line.from), make("td", {}, line.to), make("td", {}, make("code", {}, line.tag)),
    make("td", { class: "num" }, number(line.count)),
    make("td", { class: line.open ? "num bad" : "num" }, line.open ? number(line.open) : ""),
    took(line.p50), took(line.p95), took(line.max),
    make("td", {},
      line.slowest === null
        ? null
        : make("button", {
          type: "button", class: "link", "data-seq": line.slowest,
          "aria-label": `Show the slowest: ${line.from} to ${line.to}, ${line.tag}`,
        },
          "Show the slowest")))));
}

function list() {
  byId("no-traces", HTMLElement).hidden = seen.traces.length > 0;
  mend(byId("list", HTMLElement), seen.traces.map((trace) => {
    const facts = [trace.tracing ? "running" : endText(trace), time(trace.started_at), counted(trace.messages, "message"), lossText(trace)];
    return make("li", { "data-key": trace.trace_id, "data-state": trace.tracing ? "running" : "stopped" },
      make("a", { class: "name", href: address({ trace: trace.trace_id }), "aria-current": trace.trace_id === id ? "page" : null },
        title(trace)),
      make("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
      make("span", { class: "acts" },
        trace.tracing
          ? make("button", {
            type: "button", class: "btn quiet", "data-act": "stop", "data-change": true, "data-trace": trace.trace_id,
            "aria-label": `Stop ${title(trace)}`,
          },
            "Stop")
          : null,
        make("button", {
          type: "button", class: "btn quiet", "data-act": "delete", "data-change": true, "data-trace": trace.trace_id,
          "aria-label": `Delete ${title(trace)}`,
        },
          "Delete")));
  }));
}

/** Return the URL of this page with other parameters. @param {Record<string, string>} more */
function address(more) {
  return `${root()}/timeline?${new URLSearchParams({ view: "messages", ...(chosen() ? { node: chosen() } : {}), ...more })}`;
}

/** @param {string} what */
async function stop(what) {
  try {
    await request("POST", `/traces/${encodeURIComponent(what)}/stop`);
  } catch (error) {
    complain(error, "Stop the trace");
  }
}

/** @param {string} what */
async function forget(what) {
  const trace = seen.traces.find((known) => known.trace_id === what);
  if (trace
    && !(await confirm(`Delete the trace of ${title(trace)}?`,
      `${counted(trace.messages, "message")} ${trace.messages === 1 ? "is" : "are"} forgotten.`,
      "Delete")))
    return;
  try {
    await request("DELETE", `/traces/${encodeURIComponent(what)}`);
    if (what === id) location.assign(address({}));
  } catch (error) {
    complain(error, "Delete the trace");
  }
}

async function keep() {
  const name = freshName("trace");
  const button = byId("keep", HTMLButtonElement);
  button.disabled = true;
  try {
    await request("POST", `/traces/${encodeURIComponent(id)}/recording`, { name });
    await recordings.refresh();
    location.assign(replayAddress(name));
  } catch (error) {
    complain(error, "Save as recording");
  }
  button.disabled = false;
}

/** Run the example of the empty page: start a trace, kill, look. */
async function example() {
  const button = byId("try-go", HTMLButtonElement);
  button.disabled = true;
  try {
    const made = await request("POST", "/traces",
      { supervisor: "checkout_sup", auto_cleanup: false, include_system_messages: true, duration_ms: 600_000 }).catch(already);
    const next = address({ trace: made.trace_id });
    await request("POST", "/processes/cart/message", { message: ["sell", 12], message_type: "call" }).catch(() => null);
    await request("DELETE", "/processes/ledger", { reason: "kill" });
    location.assign(next);
  } catch (error) {
    complain(error, "Trace the checkout");
    button.disabled = false;
  }
}

/** Show the existing trace of a process that is already traced. @param {any} error */
function already(error) {
  const known = /\bt\d+\b/.exec(`${error?.message} ${error?.hint}`)?.[0];
  if (error?.code !== "already_tracing" || !known) throw error;
  return { trace_id: known };
}

/** @param {import("../live/live.js").Status} status */
function onStatus(status) {
  showStatus(status);
  const lost = byId("lost", HTMLElement);
  lost.hidden = status === "live" || status === "connecting" || status === "gone"; // the shell shows what is gone
  announce(lost,
    status === "silent"
      ? silentWords()
      : "The connection is lost; trying again. Traces are kept in memory: a restart of the server deletes them.");
}

const show = tabs(byId("tab-messages", HTMLElement).parentElement ?? page, (name) => name === "latency" && slow());

const filter = () => sequence.filter({
  text: byId("text", HTMLInputElement).value.trim(), who: byId("who", HTMLSelectElement).value, kind: byId("kind", HTMLSelectElement).value,
});
byId("filters", HTMLFormElement).oninput = filter;
byId("filters", HTMLFormElement).onsubmit = (event) => event.preventDefault();
byId("stop", HTMLButtonElement).onclick = () => void stop(id);
byId("delete", HTMLButtonElement).onclick = () => void forget(id);
byId("keep", HTMLButtonElement).onclick = () => void keep();
byId("try-go", HTMLButtonElement).onclick = () => void example();
byId("new", HTMLAnchorElement).href = address({});
byId("list", HTMLElement).onclick = (event) => {
  const { act, trace } = closest(event.target, "button")?.dataset ?? {};
  if (act === "stop" && trace) void stop(trace);
  if (act === "delete" && trace) void forget(trace);
};
byId("latencies", HTMLElement).onclick = (event) => {
  const seq = Number(/** @type {HTMLElement} */ (event.target).dataset["seq"] ?? 0);
  if (!seq) return;
  for (const name of ["text", "who", "kind"]) /** @type {HTMLInputElement} */ (document.getElementById(name)).value = "";
  filter();
  show("messages");
  if (!sequence.choose(seq)) toast("This message is not kept any more.", { hint: "Newer ones have taken its place." });
};
form.addEventListener("sl-traced", (event) => location.assign(address({ trace: detail(event).trace_id })));
sequence.addEventListener("sl-goto", (event) => {
  const pid = /** @type {CustomEvent<string>} */ (event).detail;
  location.assign(`${root()}/supervisors?${new URLSearchParams({ ...(chosen() ? { node: chosen() } : {}), process: pid })}`);
});
if (!id) {
  const process = query.get("process");
  if (process) void form.preset(process);
  const shop = request("GET", "/processes?per_page=1&search=checkout_sup").then(
    (found) => (byId("try", HTMLElement).hidden = !found.length), () => undefined);
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  void Promise.race([Promise.all([shop, form.listed]), patience]).then(() => (form.dataset["ready"] = "yes"));
}
byId("begin", HTMLElement).hidden = id !== "";

shortcuts([
  { keys: ["/"], text: "Find in messages", run: () => byId("text", HTMLInputElement).select() },
  { keys: ["↑", "↓", "Home", "End"], text: "Move through the messages" },
  { keys: ["Enter"], text: "Go from a call to its answer, and back" },
  { keys: ["f"], text: "Follow the newest message, or stand still", run: () => sequence.follow(!sequence.following) },
]);
feed.start();
