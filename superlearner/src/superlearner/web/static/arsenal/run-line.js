/**
 * A run in the history: operation, values and outcome, with buttons to run it again or fill the form.
 *
 * @module
 */

import { icon, make } from "../base/dom.js";
import { elapsed } from "../base/words.js";

/**
 * @param {import("./run-history.js").Run} run
 * @param {import("./form-fields.js").Line|undefined} line  undefined if the platform no longer has it
 * @param {{fill: () => void, again: () => void}} does
 */
export function runLine(run, line, does) {
  const given = Object.entries(run.values)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
  const hidden = run.hidden.map((name) => `${name}=(not kept)`).join(" ");
  const fill = make("button", {
    type: "button", class: "btn quiet", disabled: !line, "aria-label": `Fill the form of ${run.summary} again`,
  },
    "Fill in");
  const again = make("button", {
    type: "button", class: "btn quiet", disabled: !line || run.hidden.length > 0, "aria-label": `Run ${run.summary} again`,
  },
    "Run again");
  fill.onclick = does.fill;
  again.onclick = does.again;
  const at = new Date(run.at);
  return make("li", {},
    icon(run.ok ? (run.dryRun ? "supervisor" : "running") : "crashed", "glyph"),
    make("div", { class: "run" },
      make("p", {}, make("b", {}, run.summary),
        ` ${run.dryRun ? "dry run, " : ""}${run.ok ? "done" : run.code || "refused"} · ${elapsed(run.took / 1000)} · ${run.status}`),
      make("p", { class: "hint" },
        make("time", { datetime: at.toISOString() }, at.toLocaleTimeString("en-GB")),
        run.node ? ` on ${run.node}` : "",
        ` ${[given, hidden].filter(Boolean).join(" ").slice(0, 300)}`)),
    fill, again);
}
