/**
 * The runtime configuration: each setting with its value, its source, and a field if it can be changed while the
 * platform runs. Errors are shown beside the field.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { copy as copyText } from "../base/copying.js";
import { byId, make, write } from "../base/dom.js";
import { boundsText, fits, formatValue, toFieldText, sourceText, tomlLine, valueOf } from "./setting-values.js";
import { toast } from "../base/toast.js";
import { counted, sentence } from "../base/words.js";

/** @import { Setting } from "./setting-values.js" */

const list = byId("settings-list", HTMLElement);
const find = byId("settings-find", HTMLInputElement);
const changed = byId("settings-changed", HTMLInputElement);

/** @type {Setting[]} */ let all = [];
let may = false;

/** @param {boolean} allowed  whether this session may change settings */
export async function load(allowed) {
  may = allowed;
  const [settings, file] = await Promise.all([platform("GET", "/settings"), platform("GET", "/settings/file")]);
  all = settings;
  showFile(file);
  show();
}

/** @param {any} file */
function showFile(file) {
  const note = byId("settings-file", HTMLElement);
  note.hidden = file.state !== "refused";
  const problems = file.problems
    .map((/** @type {any} */ one) => `${one.line === null ? "" : `line ${one.line}: `}${one.problem}`)
    .join("; ");
  write(note, `superlearner.toml is wrong, and nothing of it was taken: ${problems}`);
}

function show() {
  const shown = all.filter((one) => fits(one, find.value, changed.checked));
  write(byId("settings-count", HTMLElement),
    shown.length === all.length ? counted(all.length, "setting") : `${shown.length} of ${counted(all.length, "setting")}`);
  list.replaceChildren(...shown.map(line));
  if (!shown.length)
    list.append(make("li", { class: "hint" }, changed.checked && !find.value ? "Every setting has its default." : "No setting matches."));
}

/** @param {Setting} one */
function line(one) {
  const id = `s-${one.name}`;
  const wrong = make("p", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  const from = [sourceText(one), one.where && one.where !== one.source && one.source !== "api" ? ` (${one.where})` : ""].join("");
  const usual = one.source === "default" ? "default" : `${from} · default ${formatValue(one.default, one.unit)}`;
  const facts = make("p", { class: "from" },
    make("span", { "data-source": one.source }, usual),
    boundsText(one) ? ` · ${boundsText(one)}` : null);
  const about = make("div", { class: "about" },
    make("label", { for: one.hot && may ? id : null, class: "name" }, one.name), make("p", { id: `${id}-about` }, one.description), facts);
  if (one.after_restart !== null)
    about.append(make("p", { class: "from later" }, `After a restart: ${formatValue(one.after_restart, one.unit)}`));
  return make("li", { "data-setting": one.name }, about, make("div", { class: "value" }, ...value(one, id, wrong)));
}

/** @param {Setting} one @param {string} id @param {HTMLElement} wrong @returns {Node[]} */
function value(one, id, wrong) {
  const now = one.hidden ? make("span", { class: "hint" }, "for the scope code only") : make("code", {}, formatValue(one.value, one.unit));
  if (!one.hot) {
    const copy = make("button", { type: "button", class: "link" }, "copy as a line of the file");
    copy.onclick = async () => ((await copyText(tomlLine(one, one.value)))
      ? toast("Copied.", { hint: "Write it into superlearner.toml with your value, and start again." })
      : toast("The browser does not allow to copy.", { hint: tomlLine(one, one.value), level: "bad" }));
    return [now, make("p", { class: "from" }, "takes effect after a restart ", may && !one.hidden ? copy : null)];
  }
  if (!may) return [now, make("p", { class: "from" }, "takes effect at once")];
  const field = control(one, id);
  const apply = make("button", { class: "btn", disabled: true }, "Apply");
  const form = make("form", {}, field, one.unit ? make("span", { class: "unit" }, one.unit) : null, apply);
  if (one.source === "api") {
    const reset = make("button", { type: "button", class: "btn quiet", title: "Go on with what file, environment and flags say" }, "Reset");
    reset.onclick = () => void change(one, "DELETE", undefined, field, wrong);
    form.append(reset);
  }
  const before = field.value;
  field.oninput = () => {
    apply.disabled = field.value === before;
    write(wrong, "");
    field.removeAttribute("aria-invalid");
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    if (field.value !== before) void change(one, "PUT", { value: valueOf(one, field.value) }, field, wrong);
  };
  return [form, wrong];
}

/** @param {Setting} one @param {string} id @returns {HTMLInputElement|HTMLSelectElement} */
function control(one, id) {
  const shape = { id, "aria-describedby": `${id}-about ${id}-wrong` };
  const choices = one.type === "boolean" ? ["true", "false"] : one.choices;
  if (choices.length) {
    const select = make("select", shape, ...choices.map((choice) => make("option", {}, choice)));
    select.value = toFieldText(one.value);
    return select;
  }
  const number = one.type === "integer" || one.type === "number";
  const input = make("input", { ...shape, type: "text", inputmode: number ? "decimal" : null, autocomplete: "off", spellcheck: "false" });
  input.value = toFieldText(one.value);
  return input;
}

/**
 * @param {Setting} one
 * @param {string} method
 * @param {unknown} body
 * @param {HTMLInputElement|HTMLSelectElement} field
 * @param {HTMLElement} wrong
 */
async function change(one, method, body, field, wrong) {
  try {
    const answer = await platform(method, `/settings/${encodeURIComponent(one.name)}`, body);
    const [first] = answer.changed;
    toast(first ? `${first.name} is ${formatValue(first.after, one.unit)}.` : "Nothing has become different.",
      { hint: method === "PUT" ? "It holds until it is reset or the platform ends." : "" });
    const again = await platform("GET", `/settings/${encodeURIComponent(one.name)}`);
    all = all.map((other) => (other.name === one.name ? again : other));
    const fresh = line(again);
    list.querySelector(`[data-setting="${CSS.escape(one.name)}"]`)?.replaceWith(fresh);
    /** @type {HTMLElement|null} */ (fresh.querySelector("input, select"))?.focus();
  } catch (error) {
    write(wrong, sentence(error instanceof ApiError ? error.problem : String(error)));
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}

find.oninput = show;
changed.onchange = show;
