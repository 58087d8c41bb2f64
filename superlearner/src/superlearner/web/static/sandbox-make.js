/**
 * A new sandbox: what to start from, its source with Python's errors at their lines while it is typed, and its options.
 *
 * @module
 */

import { platform } from "./api.js";
import { SlCode } from "./code-editor.js";
import { attribute, byId, make, root, write } from "./dom.js";
import { freeName, placeOf } from "./sandbox-words.js";

/** @typedef {import("./sandbox-words.js").Sandbox} Sandbox */
/** @typedef {{id: string, title: string, about: string, source: string}} Template */

const WAIT_MS = 600;
const DEMOS = [
  { id: "demo_one_for_one", title: "Demo: two counters and a printer", about: "The smallest of our own trees. A demo needs no credential." },
  { id: "shop", title: "Demo: the shop", about: "Orders, a warehouse and a checkout that live by themselves. A demo needs no credential." },
];

const editor = byId("source", SlCode);
const form = byId("make-form", HTMLFormElement);
const name = byId("sandbox-id", HTMLInputElement);
const said = byId("make-said", HTMLElement);
/** @type {Template[]} */ let templates = [];
/** @type {() => string[]} */ let taken = () => [];
let timer = 0;
let named = false;
/** Which question is the newest: a late answer changes nothing. */
let asked = 0;

/** What is chosen to start from. */
const chosen = () => String(new FormData(form).get("from") ?? "");
const demo = () => DEMOS.find((one) => one.id === chosen());

/**
 * Shows what to start from.
 * @param {() => string[]} ids  the names that are taken
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
    tell("");
    clearTimeout(timer);
    timer = setTimeout(() => void look(), WAIT_MS);
  });
  name.oninput = () => {
    named = true;
    wrong("id-wrong", name, "");
  };
}

/** @param {{id: string, title: string, about: string, source?: string}|undefined} one */
function pick(one) {
  if (!one) return;
  const about = byId("template-about", HTMLElement);
  write(about, one.about);
  attribute(about, "data-demo", one.source === undefined);
  editor.value = one.source ?? "# A demo brings its own source. It is shown here when it runs, and can be changed then.\n";
  editor.lock(one.source === undefined);
  if (!named) name.value = freeName(one.id || "my_tree", taken());
  clearTimeout(timer);
  asked += 1;
  tell("");
}

/** @param {string} words @param {string} [level] */
function tell(words, level = "info") {
  said.replaceChildren(...(words ? [make("p", { "data-level": level }, words)] : []));
}

/** @param {string} id @param {HTMLElement} field @param {string} words */
function wrong(id, field, words) {
  write(byId(id, HTMLElement), words);
  attribute(field, "aria-invalid", words ? "true" : null);
}

/** What is asked for; null if a field is wrong, which it says. */
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

/** What Python says about the text, while it is typed. Who may not start one is told so when they try. */
async function look() {
  const mine = (asked += 1);
  if (demo() || !editor.value.trim()) return;
  try {
    await platform("POST", "/sandboxes?dry_run=true", { sandbox_id: "look", source: editor.value });
    if (mine === asked) editor.unmark();
  } catch (error) {
    if (mine === asked) show(error, true);
  }
}

/** @param {any} error @param {boolean} quiet  only what is wrong with the source */
function show(error, quiet = false) {
  const place = placeOf(error.message ?? "");
  if (place) editor.mark(place.line, place.column, error.message);
  else editor.unmark();
  if (quiet && !place) return;
  if (error.code === "missing_scope") return tellToSignIn();
  tell([error.message, error.hint].filter(Boolean).join(" — "), "bad");
}

/** Your own code takes a credential; a demo does not. */
function tellToSignIn() {
  const here = location.pathname.slice(root().length) + location.search;
  said.replaceChildren(make("p", { "data-level": "bad" }, "Code of your own takes the scope code, which the owner's credential has: ", make("a", { href: `${root()}/sign-in?next=${encodeURIComponent(here)}` }, "sign in with it"), ". On the machine of the platform ", make("code", {}, "superlearner token"), " prints it. A demo starts without."));
}

/** @param {(made: Sandbox) => void} onMade */
async function start(onMade) {
  clearTimeout(timer);
  asked += 1;
  const body = wanted();
  if (!body) return;
  const button = byId("start", HTMLButtonElement);
  button.disabled = true;
  tell("Starting…");
  try {
    onMade(await platform("POST", "/sandboxes", body));
  } catch (error) {
    if (/** @type {any} */ (error).code === "sandbox_already_exists") wrong("id-wrong", name, "There is one of this name.");
    show(error);
    button.disabled = false;
  }
}
