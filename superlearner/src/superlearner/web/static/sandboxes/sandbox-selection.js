/**
 * The selection in the tree of the Playground, shown in the tab *Process*. The panel is loaded with the first selection.
 *
 * @module
 */

import { byId, closest } from "../base/dom.js";
import { style } from "../base/late.js";

/** @import { Row } from "../live/model.js" */
/** @import { SandboxProcess } from "./sandbox-process.js" */

const place = byId("process", HTMLElement);
const none = byId("no-process", HTMLElement);
/** @type {SandboxProcess|null} */ let panel = null;
/** @type {Promise<void>|null} */ let loading = null;
/** @type {string|null} */ let key = null;
/** The last data of the process, which stay when it has gone. @type {Row|null} */ let last = null;
let node = "";
let source = "";
/** Shows the selection, once the panel is there. */ let draw = () => {};

/** @param {(key: string, part: string) => void} leave  opens a part of the process on the page of the tree */
export function wireSelection(leave) {
  place.addEventListener("click", (event) => {
    const part = closest(event.target, "[data-part]");
    if (part && key) leave(key, part.dataset["part"] ?? "");
  });
}

async function load() {
  const [{ SandboxProcess }] = await Promise.all([
    import("./sandbox-process.js"), style("sandboxes/sandbox-process.css"), style("process/message-form.css"),
  ]);
  panel = new SandboxProcess();
  place.replaceChildren(panel);
  draw();
}

/**
 * Select a process.
 * @param {string|null} chosen  its key
 * @param {ReadonlyMap<string, Row>} rows
 * @param {string} on  its node
 * @param {number} skew
 */
export function selectProcess(chosen, rows, on, skew) {
  key = chosen;
  last = null;
  node = on;
  if (key !== null) loading ??= load().catch(() => void (loading = null));
  followProcess(rows, skew);
}

/** Show the rows of the tree as they are now. @param {ReadonlyMap<string, Row>} rows @param {number} skew */
export function followProcess(rows, skew) {
  const row = key === null ? null : rows.get(key) ?? null, shown = (last = row ?? last);
  place.hidden = shown === null;
  none.hidden = shown !== null;
  draw = () => {
    if (!panel) return;
    panel.node = node;
    if (shown === null) return panel.leave();
    panel.look({ row: shown, gone: row === null, skew, node, find: (pid) => [...rows.values()].find((one) => one.pid === pid) });
    panel.offer(source);
  };
  draw();
}

/** Remove the answer to a message: it is of the code before. */
export const dropAnswer = () => panel?.dropAnswer();

/** Offer the messages in a source. @param {string} text */
export function offerFrom(text) {
  source = text;
  panel?.offer(text);
}
