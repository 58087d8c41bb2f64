/**
 * The form for a new sandbox: a starting point, its source with Python's errors marked during typing, and options.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { SlCode } from "../components/code-editor.js";
import { attribute, byId, make, write } from "../base/dom.js";
import { freeName } from "./sandbox-words.js";
import { SyntaxCheck } from "./syntax-check.js";

/** @typedef {import("./sandbox-words.js").Sandbox} Sandbox */
/** @typedef {{id: string, title: string, about: string, source: string}} Template */

const DEMOS = [
  { id: "demo_one_for_one", title: "Demo: two counters and a printer", about: "The smallest of our own trees. A demo needs no credential." },
  { id: "shop", title: "Demo: the shop", about: "Orders, a warehouse and a checkout that live by themselves. A demo needs no credential." },
];

const editor = byId("source", SlCode);
const form = byId("make-form", HTMLFormElement);
const name = byId("sandbox-id", HTMLInputElement);
const check = new SyntaxCheck(editor, byId("make-said", HTMLElement));
/** @type {Template[]} */ let templates = [];
/** @type {() => string[]} */ let taken = () => [];
let named = false;

/** Return the chosen starting point. */
const chosen = () => String(new FormData(form).get("from") ?? "");
const demo = () => DEMOS.find((one) => one.id === chosen());

/**
 * Show the starting points.
 * @param {() => string[]} ids  the names in use
 * @param {(made: Sandbox) => void} onMade
 */
export async function begin(ids, onMade) {
  taken = ids;
  templates = await platform("GET", "/sandbox-templates");
  const all = [...templates, { id: "", title: "An empty page", about: "Python with a class Main, or one Supervisor or Application.", source: "from otp import Children, Supervisor, impl\n\n\n" }, ...DEMOS];
  byId("templates", HTMLElement).replaceChildren(...all.map((one, place) =>
    make("label", {}, make("input", { type: "radio", name: "from", value: one.id || "empty", checked: place === 0 }), one.title)));
  byId("templates", HTMLElement).onchange = () => pick(all.find((one) => (one.id || "empty") === chosen()));
  pick(all[0]);
  form.onsubmit = (event) => {
    event.preventDefault();
    void start(onMade);
  };
  editor.addEventListener("input", () => {
    if (!demo()) check.later();
  });
  name.oninput = () => {
    named = true;
    wrong("id-wrong", name, "");
  };
}

/** Propose a free name unless the user entered one. */
export function propose() {
  if (!named) name.value = freeName(demo()?.id ?? (templates.find((one) => one.id === chosen())?.id || "my_tree"), taken());
}

/** @param {{id: string, title: string, about: string, source?: string}|undefined} one */
function pick(one) {
  if (!one) return;
  const about = byId("template-about", HTMLElement);
  write(about, one.about);
  attribute(about, "data-demo", one.source === undefined);
  editor.value = one.source ?? "# A demo brings its own source. It is shown here when it runs, and can be changed then.\n";
  editor.lock(one.source === undefined);
  propose();
  check.drop();
  check.tell("");
}

/** @param {string} id @param {HTMLElement} field @param {string} words */
function wrong(id, field, words) {
  write(byId(id, HTMLElement), words);
  attribute(field, "aria-invalid", words ? "true" : null);
}

/** Return the request; null if a field is invalid, which is marked. */
function wanted() {
  const value = (/** @type {string} */ id) => byId(id, HTMLInputElement).value.trim();
  const numeric = (/** @type {string} */ id) => (value(id) === "" ? null : Number(value(id)));
  /** @type {unknown} */ let config = null;
  const field = byId("o-config", HTMLTextAreaElement);
  try {
    config = field.value.trim() === "" ? null : JSON.parse(field.value);
    wrong("config-wrong", field, "");
  } catch {
    wrong("config-wrong", field, 'Expected JSON, such as {"items": [1, 2]}.');
    byId("options", HTMLDetailsElement).open = true;
    field.focus();
    return null;
  }
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name.value)) {
    wrong("id-wrong", name, "Expected letters, digits, - and _, at most 64.");
    name.focus();
    return null;
  }
  const limits = { memory_mb: numeric("l-memory"), held_s: numeric("l-held"), cpu_s: numeric("l-cpu"), idle_s: (numeric("l-idle") ?? 0) * 60 };
  const own = demo();
  return {
    sandbox_id: name.value, ...(own ? { demo: own.id } : { source: editor.value }), strategy: byId("o-strategy", HTMLSelectElement).value || null,
    max_restarts: numeric("o-restarts"), max_seconds: numeric("o-seconds"), custom_config: config,
    limits: Object.fromEntries(Object.entries(limits).filter(([, one]) => one !== null)),
  };
}

/** @param {(made: Sandbox) => void} onMade */
async function start(onMade) {
  check.drop();
  const body = wanted();
  if (!body) return;
  const button = byId("start", HTMLButtonElement);
  button.disabled = true;
  check.tell("Starting…");
  try {
    const made = await platform("POST", "/sandboxes", body);
    check.tell("");
    named = false; // the next one gets a new name
    onMade(made);
  } catch (error) {
    if (/** @type {any} */ (error).code === "sandbox_already_exists") wrong("id-wrong", name, "There is one of this name.");
    check.refused(error);
  } finally {
    button.disabled = false;
  }
}
