/**
 * `<sl-result>`: an operation's answer as a tree or a table, a refusal with remedies, or a live stream.
 *
 *     const result = new SlResult();
 *     result.wait(line.summary, () => stop.abort());
 *     result.show(await ask(line, values), line.name);
 *
 * @module
 */

import { command } from "../base/commands.js";
import { attribute, icon, make, write } from "../base/dom.js";
import { LONGEST, copied, pathOf, tableOf } from "./json-tree.js";
import { copyButton } from "../base/copying.js";
import { elapsed } from "../base/words.js";
import { JsonTree } from "./result-tree.js";
import { ResultTable } from "./result-table.js";
import { signInLink } from "../base/sign-in-link.js";

/** @import { Outcome } from "./asking.js" */
/** @import { Sent } from "../base/sent-events.js" */

/** Events of a stream that are kept, the newest. */
const KEPT = 500;

export class SlResult extends HTMLElement {
  #head = make("div", { class: "result-head" });
  #status = make("p", { class: "result-status", role: "status" });
  #tools = make("div", { class: "result-tools" });
  #body = make("div", { class: "result-body scroll", tabindex: -1 });
  #path = make("div", { class: "result-path", hidden: true });
  #tree = new JsonTree("Result", (line) => this.#marked(line));
  #timer = 0;
  #asTable = true;

  connectedCallback() {
    if (this.childElementCount) return;
    this.#head.append(this.#status, this.#tools);
    this.append(this.#head, this.#body, this.#path);
    this.clear();
  }

  /** Show a placeholder before the first run. @param {string} [text] */
  clear(text = "Run an operation to see here what it answers.") {
    this.#begin("none", "");
    this.#body.replaceChildren(make("p", { class: "hint empty" }, text));
  }

  /** @param {string} what @param {() => void} stop */
  wait(what, stop) {
    this.#begin("waiting", "");
    write(this.#status, "Waiting for the answer");
    this.#timer = setTimeout(() => {
      const button = make("button", { type: "button", class: "btn" }, "Stop waiting");
      button.onclick = stop;
      this.#tools.replaceChildren(button);
      this.#body.replaceChildren(
        make("p", { class: "hint empty" }, `${what} takes its time. It may be waiting for a process that is busy or suspended.`));
    }, 800);
  }

  /** @param {Outcome} outcome @param {{dryRun?: boolean, name?: string, first?: readonly string[]}} [how] */
  show(outcome, { dryRun = false, name = "", first = [] } = {}) {
    this.#begin(outcome.ok ? (dryRun ? "dry" : "ok") : "bad", "");
    this.#statusLine(outcome, dryRun);
    if (outcome.error) return this.#refused(outcome);
    /** @type {Node[]} */ const parts = [];
    const file = outcome.file ?? recordingFile(outcome.data);
    if (file) parts.push(download(file));
    if (dryRun) parts.push(...said(outcome.data));
    else if (outcome.data !== undefined) parts.push(this.#valued(outcome.data, name, first));
    this.#body.replaceChildren(...parts);
    this.#body.scrollTop = 0;
  }

  /**
   * Start to show a stream; return a function that adds events.
   * @param {() => void} stop
   * @returns {{more: (items: Sent[]) => void, end: (outcome: Outcome) => void}}
   */
  stream(stop) {
    this.#begin("streaming", "");
    const button = make("button", { type: "button", class: "btn" }, "Stop");
    button.onclick = stop;
    this.#tools.replaceChildren(button);
    const list = make("ol", { class: "stream" });
    const empty = make("p", { class: "hint empty" }, "It is open. What happens is shown here as it comes.");
    this.#body.replaceChildren(empty, list);
    let seen = 0;
    const count = () => `${seen.toLocaleString("en")} ${seen === 1 ? "event" : "events"}`;
    write(this.#status, "Open · no event yet");
    return {
      more: (items) => {
        empty.hidden = true;
        seen += items.length;
        const low = this.#body.scrollHeight - this.#body.scrollTop - this.#body.clientHeight < 40;
        list.append(...items.slice(-KEPT).map(happened));
        while (list.childElementCount > KEPT) list.firstElementChild?.remove();
        if (low) this.#body.scrollTop = this.#body.scrollHeight;
        write(this.#status, `Open · ${count()}${seen > KEPT ? `, the last ${KEPT} are shown` : ""}`);
      },
      end: (outcome) => {
        this.#tools.replaceChildren();
        const stopped = outcome.error?.code === "stopped";
        attribute(this, "data-look", outcome.ok || stopped ? "ok" : "bad");
        write(this.#status, `${stopped ? "Stopped" : outcome.ok ? "It ended" : outcome.error?.message ?? "It ended"} · ${count()}`);
        if (outcome.error && !stopped && !seen) this.#refused(outcome);
        if (!seen && (stopped || outcome.ok)) empty.textContent = "Nothing happened while it was open.";
      },
    };
  }

  /** @param {"none"|"waiting"|"ok"|"dry"|"bad"|"streaming"} look @param {string} text */
  #begin(look, text) {
    clearTimeout(this.#timer);
    attribute(this, "data-look", look);
    write(this.#status, text);
    this.#tools.replaceChildren();
    this.#path.hidden = true;
  }

  /** @param {Outcome} outcome @param {boolean} dryRun */
  #statusLine({ status, took, size, ok, meta }, dryRun) {
    const time = elapsed(took / 1000);
    const bytes = size < 10_000 ? "" : ` · ${(size / 1000).toLocaleString("en", { maximumFractionDigits: 0 })} kB`;
    const page = meta?.total === undefined
      ? ""
      : ` · ${meta.total.toLocaleString("en")} in all${(meta.total_pages ?? 1) > 1 ? `, page ${meta.page} of ${meta.total_pages}` : ""}`;
    const what = dryRun && ok ? "Dry run, nothing was changed" : ok ? "Done" : status ? "Refused" : "No answer";
    this.#status.replaceChildren(icon(ok ? (dryRun ? "supervisor" : "running") : "crashed", "glyph"), make("b", {}, what),
      make("span", { class: "facts" }, ` ${time}${status ? ` · ${status}` : ""}${bytes}${page}`));
  }

  /** @param {Outcome} outcome */
  #refused({ error, status }) {
    if (!error) return;
    const hints = error.details.map((one) => one.hint).filter(Boolean);
    const note = make("div", { class: "note refused", "data-level": "bad" }, make("p", {}, make("b", {}, error.message.slice(0, 2000))),
      make("p", { class: "hint" }, make("code", {}, error.code), ...hints.flatMap((hint) => [make("br"), String(hint).slice(0, 1000)])));
    if (status === 401)
      note.append(
        make("p", {}, "Your credential has ended or was revoked. ", signInLink("Sign in again"),
          "; what you typed stays in the address and the history of this tab."));
    if (status === 403 && error.code === "missing_scope")
      note.append(
        make("p", {}, "Sign in with a credential that has the scope: ", make("code", {}, command("token")),
          " prints the owner's on the machine of the platform. ", signInLink("Sign in")));
    const rest = error.details.filter((one) => one.problem && one.problem !== error.message);
    const list = rest.length > 1
      ? make("ul", { class: "problems" },
        ...rest.slice(0, 20).map((one) => make("li", {}, make("code", {}, one.field ?? ""), ` ${one.problem}`)))
      : null;
    this.#body.replaceChildren(note, ...(list ? [list] : []));
  }

  /** @param {unknown} data @param {string} name @param {readonly string[]} first */
  #valued(data, name, first) {
    if (typeof data === "string" && data.includes("\n")) return this.#text(data);
    const table = tableOf(data, first);
    const holder = make("div", { class: "valued" });
    const draw = () => {
      this.#path.hidden = true;
      const tree = !table || !this.#asTable;
      if (tree) this.#tree.show(data);
      holder.replaceChildren(tree ? this.#tree.element : new ResultTable(table, name).element);
      for (const one of folds) one.hidden = !tree;
      for (const one of views) attribute(one, "aria-pressed", String((one.dataset.view === "table") === !tree));
    };
    const folds = [["Open all", true], ["Close all", false]].map(([text, open]) => {
      const button = make("button", { type: "button", class: "btn quiet" }, String(text));
      button.onclick = () => this.#tree.fold(open === true);
      return button;
    });
    const views = (table ? ["table", "tree"] : []).map((view) => {
      const button = make("button", { type: "button", "data-view": view }, view === "table" ? "Table" : "Tree");
      button.onclick = () => {
        this.#asTable = view === "table";
        draw();
      };
      return button;
    });
    const holds = data !== null && typeof data === "object";
    this.#tools.replaceChildren(...(holds ? folds : []),
      ...(views.length ? [make("div", { class: "segmented", role: "group", "aria-label": "View" }, ...views)] : []),
      copyButton(() => copied(data), "Copy", "Copy the result as JSON"));
    draw();
    if (Array.isArray(data) && !data.length)
      holder.replaceChildren(make("p", { class: "hint empty" }, "The list is empty."));
    return holder;
  }

  /** @param {string} text */
  #text(text) {
    this.#tools.replaceChildren(copyButton(() => text));
    const most = LONGEST * 100;
    const pre = make("pre", { class: "plain", tabindex: 0, role: "group", "aria-label": "Result" }, text.slice(0, most));
    if (text.length <= most) return pre;
    const more = make("button", { type: "button", class: "link" }, `show all ${text.length.toLocaleString("en")} characters`);
    more.onclick = () => {
      pre.textContent = text;
      more.remove();
    };
    return make("div", {}, pre, more);
  }

  /** @param {import("./json-tree.js").Line} line */
  #marked(line) {
    const path = pathOf(line.parts);
    this.#path.replaceChildren(make("code", {}, path), copyButton(() => path, "Copy path"),
      copyButton(() => copied(line.value), "Copy value"));
    this.#path.hidden = false;
  }
}

/** Return an event of a stream as text. @param {Sent} sent */
function happened({ type, data }) {
  let item = /** @type {Record<string, any>} */ ({});
  try {
    item = JSON.parse(data) ?? {};
  } catch {
    item = { text: data };
  }
  const at = typeof item.at === "number" ? new Date(item.at * 1000) : new Date(String(item.at ?? item.timestamp ?? ""));
  const time = Number.isNaN(at.getTime()) ? "" : at.toLocaleTimeString("en-GB");
  const words = String(item.text ?? item.message ?? "").slice(0, 1000);
  return make("li", {}, make("time", {}, time), make("b", {}, item.type ?? type), make("span", {}, words || data.slice(0, 500)));
}

/** Return the text of a dry run. @param {unknown} data */
function said(data) {
  const { would = "", affects = [] } = /** @type {{would?: string, affects?: string[]}} */ (data ?? {});
  return [make("div", { class: "note would", "data-level": "warn" }, make("p", {}, "It would ", make("b", {}, would.slice(0, 2000)), "."),
    affects.length
      ? make("p", {}, `${affects.length === 1 ? "One process feels it:" : `${affects.length} processes feel it:`}`)
      : make("p", { class: "hint" }, "No process feels it."),
    affects.length ? make("ul", {}, ...affects.slice(0, 100).map((one) => make("li", {}, make("code", {}, one.slice(0, 200))))) : null,
    affects.length > 100 ? make("p", { class: "hint" }, `and ${affects.length - 100} more`) : null)];
}

/** @param {unknown} data @returns {{name: string, content: Blob}|undefined} */
function recordingFile(data) {
  const { encoding, filename, content, offset, next_offset } = /** @type {Record<string, any>} */ (data ?? {});
  if (encoding !== "base64" || typeof filename !== "string" || typeof content !== "string") return undefined;
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  return { name: offset || next_offset ? `${filename}.part-${offset}` : filename, content: new Blob([bytes]) };
}

/** @param {{name: string, content: Blob}} file */
function download({ name, content }) {
  const link = make("a", { class: "btn", download: name, href: URL.createObjectURL(content) }, `Save ${name}`);
  return make("p", { class: "file" }, link, make("span", { class: "hint" }, `${content.size.toLocaleString("en")} bytes`));
}

customElements.define("sl-result", SlResult);
