/**
 * The page /cluster: members and the links to them, what happened, the trees and processes of all, and the map of keys.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { cli, command, quoted } from "../base/commands.js";
import { breakable, byId, draw, icon, nodeQuery, root, write } from "../base/dom.js";
import { counted, number, processState, time } from "../base/words.js";
import { saveOnClick } from "../moment/share.js";
import { complain } from "../base/toast.js";
import { DISCONNECTED, isLost } from "../shell/node-gone.js";
import { tabs } from "../components/tabs.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { bars, rate, sample, spans, spark } from "./cluster-model.js";
import { askMap, map } from "./map.js";
import { PlacedChildren } from "./placed.js";
import { offer, simulated } from "./simulation.js";
import { isSimulated } from "./simulation-model.js";
import { trees } from "./trees.js";

/** @import { Happening, Member, Missing, Topology } from "./cluster-model.js" */

const EVERY_MS = 2000;
/** The pause while members are simulated: what they do takes about a second. */
const SOON_MS = 1000;
const SHOWN_S = 600;
const SHAPES = { healthy: "running", slow: "restarting", silent: "stuck", lost: "crashed" };
const PATHS = /** @type {Record<string, string>} */ ({
  trees: "/cluster/supervision-trees", processes: "/cluster/processes",
});

const page = byId("cluster", HTMLElement);
/** @type {ReturnType<typeof sample>} */ let links = new Map();
const placed = new PlacedChildren();
let view = "health";
/** True if members were simulated at the last look. */
let simulating = false;
let asked = 0;
let timer = 0;

tabs(byId("cluster-views", HTMLElement), (name) => {
  view = name;
  void look();
});
// The live channel of every page reports members that come and go, and restarts and moves on other nodes.
for (const news of ["sl-nodes", "sl-restarts"]) window.addEventListener(news, () => document.hidden || void look());
saveOnClick(byId("export", HTMLButtonElement), () => platform("GET", "/cluster/export"), "Export");
document.addEventListener("visibilitychange", () => document.hidden || void look());

/** Ask for what is shown, draw it, and ask again. */
async function look() {
  clearTimeout(timer);
  const mine = (asked += 1);
  const place = byId(`view-${view}`, HTMLElement);
  try {
    const [topology, more, tables, moves] = await Promise.all([
      platform("GET", "/cluster/topology?include_health=false"),
      view === "map" ? askMap() : platform("GET", PATHS[view] ?? "/cluster/events"),
      ...view === "health" ? [platform("GET", "/cluster/supervisors"), platform("GET", "/cluster/moves?limit=100")] : [],
    ]);
    const simulation = view === "health" && topology.simulation_enabled ? await platform("GET", "/cluster/simulation") : null;
    if (mine !== asked) return;
    simulating = Boolean(topology.simulation_enabled);
    if (tables) placed.show(tables.entries, moves.moves, tables.stranded ?? []);
    links = sample(links, topology, Date.now() / 1000);
    count(topology);
    if (view === "health") render(health(topology, more.events, simulation), place);
    else render(html`${missing(more.missing)}${OTHERS[view]?.(more) ?? nothing}`, place);
    byId("lost", HTMLElement).hidden = true;
    page.dataset.ready = view;
  } catch (error) {
    if (mine !== asked) return;
    failed(error);
  }
  if (!document.hidden) timer = setTimeout(() => void look(), simulating ? SOON_MS : EVERY_MS);
}

/** @param {unknown} error */
function failed(error) {
  const lost = byId("lost", HTMLElement);
  lost.hidden = false;
  write(lost, error instanceof ApiError && error.status ? error.message : "The server does not answer. What you see is from before.");
  if (page.dataset.ready === "loading") page.dataset.ready = "failed";
}

/** Update the counts beside the title. @param {Topology} topology */
function count({ nodes, missing: out }) {
  // A platform that simulates members, and is connected with none, is no member itself
  const simulated = nodes.filter((one) => one.simulated).length, real = nodes.length - simulated;
  const up = simulated && real < 2 ? simulated : nodes.length || 1, kind = simulated && real < 2 ? "simulated " : "";
  const lost = out.filter(({ reason }) => isLost(reason)).length, apart = out.filter(({ reason }) => reason === DISCONNECTED).length;
  const bad = (/** @type {number} */ count, /** @type {string} */ words) => count
    ? html`<span data-look="crashed"><b>${number(count)}</b> <span>${words}</span></span>` : nothing;
  render(
    html`<span data-look="running"><b>${number(up)}</b>
      <span>${kind}${up === 1 ? "member" : "members"}</span></span>${bad(lost, "lost")}${bad(apart, "disconnected")}${
        bad(out.length - lost - apart, "not answering")}`,
    byId("cluster-counts", HTMLElement));
}

/** @param {Topology} topology @param {Happening[]} events @param {Api.ClusterSimulation|null} simulation */
function health(topology, events, simulation) {
  const own = topology.nodes.find((one) => one.own);
  const others = topology.nodes.filter((one) => !one.own && !one.simulated);
  const out = topology.missing.filter(({ node }) => !isSimulated(node) && !topology.nodes.some(({ name }) => name === node));
  const isAlone = !others.length && !out.length && !simulation?.enabled, changed = () => void look();
  return html`${topology.state === "member" ? nothing : aside(topology)}
    <ul class="members" aria-label="Members">${own ? card(own, topology) : nothing}${repeat(others, ({ name }) => name, (one) =>
      card(one, topology))}
      ${out.map(missingCard)}</ul>
    ${isAlone ? html`<div class="void alone">${topology.state === "member" ? alone() : nothing}${offer(changed)}</div>` : nothing}
    ${simulation?.enabled ? simulated(simulation, changed) : nothing}
    ${placed}
    <section><h2>What happened</h2>${tracks(topology, events)}</section>`;
}

/** @param {Missing} missing */
function missingCard({ node, reason }) {
  const isApart = reason === DISCONNECTED, isGone = isApart || isLost(reason);
  const program = `node ${quoted(node.replace(/@127\.0\.0\.1$/, ""))}`;
  const act = (/** @type {string} */ text, /** @type {string} */ path, /** @type {unknown} */ body) =>
    html`<button type="button" class="btn" aria-label=${`${text}: ${node}`} @click=${() => void change(text, path, body)}>${text}</button>`;
  return html`<li class="member" data-health="lost"><h2>${icon("crashed", "glyph")}${node}</h2>
    <p>${isLost(reason) ? `Lost: ${reason}` : isApart ? "Disconnected. If it has ended, forget it." : reason}</p>
    ${isLost(reason) ? html`<p class="hint">To start it again, with the options that it had:</p>
      <pre><code>${command(program, cli().includes(" --url ") ? "superlearner" : cli())}</code></pre>` : nothing}
    <p class="acts">${isApart ? act("Connect again", "", { address: node }) : nothing}${isGone
      ? act("Forget", `/${encodeURIComponent(node)}/forget`, {}) : nothing}<a class=${isGone ? "link" : "btn"}
      href=${`${root()}/supervisors${nodeQuery(node)}`}>Its last restarts</a></p></li>`;
}

/** Change a member that is missing, and look again. @param {string} words @param {string} path @param {unknown} body */
async function change(words, path, body) {
  try {
    await platform("POST", `/cluster/nodes${path}`, body);
  } catch (error) {
    complain(error, words);
  }
  void look();
}

/** Say why the platform is in no cluster. @param {Topology} topology */
function aside({ state, why }) {
  const words = {
    off: "This platform was started without a cluster (discovery none).", joining: "This platform is joining its cluster.",
    left: "This platform has left its cluster.",
  };
  return html`<p class="note" data-level=${state === "refused" ? "bad" : "info"}>${why
    ?? words[/** @type {keyof typeof words} */ (state)] ?? state}</p>`;
}

/** Say how a second member joins. */
function alone() {
  return html`<h2>One member so far</h2><p>Open another terminal and start a second member.
    It joins by itself.</p><pre><code>${command("node b")}</code></pre>`;
}

/** @param {Member} member @param {Topology} topology */
function card(member, { process_distribution: processes }) {
  const link = links.get(member.name), last = link?.samples.at(-1);
  const count = processes[member.name];
  const query = nodeQuery(member.own ? "" : member.name);
  return html`<li class="member" data-health=${member.health} data-member=${member.name}>
    <h2>${icon(SHAPES[member.health], "glyph")}${member.name}</h2>
    <p class="hint">${member.own ? "this platform" : `${member.health}: ${member.evidence}`}</p>
    ${link && last
      ? html`<figure><svg viewBox="0 0 100 20" preserveAspectRatio="none" role="img"
        aria-label="Round trips of the last two minutes"><polyline points=${spark(link.samples)}></polyline></svg>
        <figcaption><b>${
          last.ms === null ? "no answer" : `${last.ms.toFixed(1)} ms`
        }</b> ${last.frames.toFixed(0)} frames/s · ${rate(last.bytes)}</figcaption></figure>`
        : nothing}
    <dl>
      <dt>Processes</dt><dd>${count === null || count === undefined ? "unknown" : number(count)}</dd>
      <dt>Since</dt><dd>${time(member.since)}</dd>
      <dt>OS process</dt><dd>${member.os_pid ?? "unknown"}</dd>
      <dt class="wide">Address</dt><dd class="wide">${breakable(member.address ?? "none")}</dd>
    </dl>
    <p class="acts">${member.observed
      ? html`<a class="btn" href="${root()}/supervisors${query}">Open its tree</a><a
        class="link" href="${root()}/timeline${query}">Timeline</a><a class="link" href="${root()}/system${query}">System</a>`
      : html`<span class="hint">It runs without SuperLearner; its processes cannot be shown.</span>`}</p></li>`;
}

/** Draw when each member was there. @param {Topology} topology @param {Happening[]} events */
function tracks(topology, events) {
  const now = Date.now() / 1000, begun = now - SHOWN_S;
  const all = spans(events, topology.nodes, begun);
  return html`<div class="tracks" role="img" aria-label="Members during the last ten minutes; the list below has the same">${[...all].map(
    ([name, list]) => html`<span class="of">${name}</span>
      <svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">${bars(list, begun, now).map(
        ({ x, width, look }) => draw("rect", { x, y: 2, width, height: 8, "data-look": look }))}</svg>`)}<span></span><span
            class="scale"><span>10 minutes ago</span><span>now</span></span></div>
    ${events.length
      ? html`<ol class="happened">${events.map((one) => html`<li data-what=${one.what}>${icon(MARKS[one.what] ?? "stopped", "glyph")}<time
        datetime=${new Date(one.at * 1000).toISOString()}>${time(one.at)}</time>
          <span><b>${one.node}</b> ${WORDS[one.what] ?? one.what}${one.reason
        && (one.what === "lost" || one.what === "refused")
        ? `: ${one.reason}`
        : ["cut", "healed", "stranded"].includes(one.what) ? ` ${one.reason}` : ""}</span></li>`)}</ol>`
      : html`<p class="hint">No member has joined or left.</p>`}`;
}

const WORDS = /** @type {Record<string, string>} */ ({
  joined: "joined", found: "was found", leaving: "is leaving", left: "left", lost: "was lost", disconnected: "was disconnected",
  forgotten: "was forgotten", stranded: "was the last one.", refused: "was refused", cut: "was cut off", healed: "is no longer cut off",
});
const MARKS = /** @type {Record<string, string>} */ ({
  joined: "running", found: "running", leaving: "restarting", left: "stopped", lost: "crashed", disconnected: "stopped",
  forgotten: "stopped", stranded: "crashed", refused: "stuck", cut: "crashed", healed: "running",
});

/** Name the nodes that did not answer. @param {Missing[]} out */
const missing = (out) => (out.length
  ? html`<div class="note" data-level="bad"><ul>${out.map(({ node, reason }) =>
    html`<li><b>${node}</b> is missing: ${reason}</li>`)}</ul></div>`
  : nothing);

/** The contents of the other views. @type {Record<string, (found: any) => unknown>} */
const OTHERS = {
  map: (found) => map(found, () => void look()),
  trees: ({ supervision_trees: all }) => trees(Object.values(all)),
  processes: ({ processes, total_count }) => table(["Node", "Process", "Class", "State", "Mailbox", "Restarts"], processes,
    (/** @type {any} */ one) => html`<td>${one.node}</td><th scope="row"><a
      href=${at("/supervisors", one.node, one.pid)}>${one.name ?? one.pid}</a></th><td>${one.what}</td><td>${processState(one.status)}</td>
      <td class="num">${number(one.message_queue_len)}</td><td class="num">${one.restarts ?? ""}</td>`,
    `${counted(total_count, "process", "processes")}${processes.length < total_count
      ? `; the first ${number(processes.length)} are shown`
      : ""}`),
};

/** @param {string[]} heads @param {any[]} lines @param {(one: any) => unknown} cells @param {string} words */
const table = (heads, lines, cells, words) => html`<p class="hint">${words} on all members and attached services</p>${lines.length
  ? html`<div class="scroll" tabindex="0" role="region" aria-label="Table"><table
    class="table"><thead><tr>${heads.map(
    (head) => html`<th scope="col"
      class=${
        head === "Mailbox" || head === "Restarts" ? "num" : ""
      }>${head}</th>`)}</tr></thead><tbody>${lines.map((one) => html`<tr>${cells(one)}</tr>`)}</tbody></table></div>`
  : nothing}`;

/** @param {string} path @param {string} node @param {string} pid */
const at = (path, node, pid) => `${root()}${path}?node=${encodeURIComponent(node)}&process=${encodeURIComponent(pid)}`;
