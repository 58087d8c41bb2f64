/**
 * The running versions of a process' module in the tab Code, with reload and rollback.
 *
 * @module
 */

import { request } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { toast } from "../base/toast.js";
import { counted, number, sentence } from "../base/words.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { HIDES_CODE, hidesCode } from "../shell/only-reads.js";
import { refusal } from "./process-asks.js";
import { Panel } from "./process-panel.js";

/** @import { Seen } from "./process-tabs.js" */

/** Modules with a class of the same name that are looked at. */
const MOST = 3;

/** @extends {Panel<Api.ModuleDetails|null>} */
export class SlVersions extends Panel {
  /** @type {unknown} */ #said = nothing;

  /** @override @param {string} pid @param {AbortSignal} signal */
  async read(pid, signal) {
    const what = this.seen?.row.what ?? "";
    /** @type {Api.ModuleDetails[]} */ const all = await request("GET", "/code/modules?per_page=200", undefined, signal);
    for (const { module } of all.filter(({ classes }) => classes.includes(what)).slice(0, MOST)) {
      /** @type {Api.ModuleDetails} */ const told = await request("GET", address(module), undefined, signal);
      if (told.running.some((one) => one.what === what && (one.pids.includes(pid) || one.count > one.pids.length))) return told;
    }
    return null;
  }

  /** @override */
  forget() {
    this.#said = nothing;
  }

  /** @override @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row.pid !== before.row.pid;
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const told = this.known;
    if (!told) return void render(nothing, this.content);
    const why = hidesCode() ? HIDES_CODE : nothing;
    const mine = told.running.filter((one) => one.what === seen.row.what);
    render(html`<section>
      <h3>Versions of ${told.module}</h3>
      <ul class="versions">${mine.map((one) => html`<li><code>${one.vsn.replace(/^'(.*)'$/, "$1")}</code>
        <span>${one.what}, ${counted(one.count, "process", "processes")}</span></li>`)}</ul>
      ${told.platform ? html`<p class="hint">It belongs to the platform, which is not reloaded here.</p>` : html`<div class="acts">
        <button type="button" class="btn" ?disabled=${hidesCode()} title=${why}
          @click=${() => void this.#run("reload", "Reload the code?", "Reload")}>Reload code…</button>
        <button type="button" class="btn quiet" ?disabled=${hidesCode()} title=${why}
          @click=${() => void this.#run("rollback", "Return to the version before?", "Roll back")}>Roll back…</button>
      </div><p class="hint">A reload keeps pids, mailboxes and states of ${told.servers === 1
        ? "the process"
        : `all ${number(told.servers)} processes`}, or changes nothing.</p>`}
      <div role="status">${this.#said}</div>
    </section>`, this.content);
  }

  /** Change the code after a confirmation. @param {"reload"|"rollback"} what @param {string} title @param {string} button */
  async #run(what, title, button) {
    const module = this.known?.module;
    if (!module) return;
    const here = () => this.known?.module === module;
    try {
      const { would } = await request("POST", `${address(module)}/${what}?dry_run=true`, {});
      if (!here() || !(await confirm(title, sentence(`this will ${would}`), button))) return;
      const done = await request("POST", `${address(module)}/${what}`, {});
      toast(what === "reload" ? `${module} was reloaded.` : `${module} is back at the version before.`,
        { hint: `${counted(done.servers_count, "process", "processes")} changed.` });
      this.#said = nothing;
    } catch (error) {
      this.#said = refusal(error);
      if (!here()) return;
    }
    this.again();
    this.renew();
  }
}

/** @param {string} module */
const address = (module) => `/code/modules/${encodeURIComponent(module)}`;

customElements.define("sl-versions", SlVersions);
