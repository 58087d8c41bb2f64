/**
 * A new sandbox: a starting point, its source with Python's errors marked during typing, its name and options.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { attribute, byId, make, mend, onlyOwn, write } from "../base/dom.js";
import { namePart } from "../base/words.js";
import { drafts } from "./draft-note.js";
import { calm, check, editor, note, reportStart } from "./sandbox-bench.js";
import { freeName, memberChoices } from "./sandbox-words.js";

/** @import { Options, Sandbox } from "./sandbox-words.js" */
/** @import { Drafts } from "./drafts.js" */
/**
 * @typedef {{id: string, title: string, about: string, source?: string, kept?: boolean, options?: Options}} Start
 *   without a source: a demo; `kept` only in this browser
 */

const memberSelect = byId("member", HTMLSelectElement);
const DEMOS = [
  {
    id: "demo_one_for_one", title: "Demo: two counters and a printer", about: "The smallest of our own trees. A demo needs no credential.",
  },
  { id: "shop", title: "Demo: the shop", about: "Orders, a warehouse and a checkout that live by themselves. A demo needs no credential." },
];

/** The beginning of the ids of starting points that are the code of a former sandbox. */
const KEPT = "code-of:";

const form = byId("make-form", HTMLFormElement);
const name = byId("sandbox-id", HTMLInputElement);
const from = byId("template", HTMLSelectElement);
/** @type {Drafts|null} */ let kept = null;
/** @type {Start|null} The starting point in the editor. */ let shown = null;
/** @type {Api.SandboxTemplate[]} */ let templates = [];
/** Return the chosen template if its source is unchanged: then it starts by name, which needs no credential. */
const unchanged = () => templates.find((one) => one.id === chosen() && one.source === editor.value);
/** @type {() => string[]} */ let taken = () => [];
let named = false;
/** True while the editor shows a new sandbox. */ let open = false;
/** @type {Start[]} */ let all = [];

/** Return the chosen starting point. */
const chosen = () => from.value;
const demo = () => DEMOS.find((one) => one.id === chosen());
/** Return the name of the draft of a starting point. @param {Start} one */
const draftOf = (one) => `new:${one.id || "empty"}`;

/**
 * Load the starting points.
 * @param {() => string[]} ids  the names in use
 * @param {(made: Sandbox, source: string|null) => void} onMade  gets the source that was started; null: of a demo
 * @param {() => void} onWrong  called if a field needs a correction
 */
export async function begin(ids, onMade, onWrong) {
  taken = ids;
  [templates, kept] = await Promise.all([platform("GET", "/sandbox-templates"), drafts().catch(() => null)]);
  all = [
    ...templates,
    {
      id: "", title: "An empty page", about: "Python with a class Main, or with one Supervisor or Application at the top of the tree.",
      source: "from otp import Children, Supervisor, impl\n\n\n",
    },
    ...DEMOS,
  ];
  for (const { of, text, options } of kept?.some(`new:${KEPT}`) ?? []) all.push(keptStart(of.slice(`new:${KEPT}`.length), text, options));
  options();
  from.onchange = () => pick(all.find((one) => (one.id || "empty") === chosen()));
  form.onsubmit = (event) => {
    event.preventDefault();
    void start();
  };
  made = onMade;
  wrongField = onWrong;
  editor.addEventListener("input", () => {
    if (!open || demo()) return;
    check.later();
    keep(editor.value);
    hint();
  });
  name.oninput = () => {
    named = true;
    wrong("id-wrong", name, "");
  };
}

/** Keep a text as the draft of the starting point, unless the starting point has it. @param {string} text */
function keep(text) {
  if (shown) kept?.later(draftOf(shown), text === shown.source && !shown.kept ? null : text, 0, shown.options);
}

const options = () => from.replaceChildren(...all.map((one) => make("option", { value: one.id || "empty" }, one.title)));

/**
 * Return the code of a former sandbox as a starting point.
 * @param {string} id
 * @param {string} source
 * @param {Options} [options]
 * @returns {Start}
 */
const keptStart = (id, source, options) => ({
  id: `${KEPT}${id}`, title: `The code of ${id}`, about: `The last code of ${id}, which this browser kept.`, source, kept: true, options,
});

/**
 * Begin a new sandbox with the code, limits and options of a former one.
 * @param {string} id
 * @param {string} source
 * @param {Options} [kinds]
 */
export function enterWith(id, source, kinds) {
  const one = keptStart(id, source, kinds);
  all = [...all.filter((other) => other.id !== one.id), one];
  options();
  kept?.later(draftOf(one), source, 0, kinds);
  open = named = false;
  enter();
}

/** Return whether a starting point says in its code what to try. @param {Start} one */
const hinted = (one) => Boolean(one.source?.startsWith('"""'));

/** Show the hint as long as the code that it is about is there. */
function hint() {
  const title = shown && hinted(shown) ? shown.source?.split("\n", 1)[0] ?? "" : "";
  byId("template-about", HTMLElement).hidden = !editor.value.includes(title);
}

/** @type {(made: Sandbox, source: string|null) => void} */ let made = () => {};
/** @type {() => void} */ let wrongField = () => {};

/** Return the time of the newest draft of a new sandbox, in seconds; 0 without. */
export const drafted = () => (kept?.newest("new:")?.at ?? 0) / 1000;

/** Show the chosen starting point in the editor; at first the one with the newest draft. */
export function enter() {
  if (open) return propose();
  open = true;
  const last = kept?.newest("new:")?.of;
  const one = all.find((start) => draftOf(start) === last) ?? shown ?? all[0];
  shown = null;
  if (one) from.value = one.id || "empty";
  calm();
  pick(one);
}

/** Leave the editor to another sandbox. */
export function exit() {
  open = false;
}

/** Propose a free name unless the user entered one. A learner does not see which names others have, so theirs begin with their own. */
function propose() {
  if (named) return;
  const like = demo()?.id
    ?? (chosen().startsWith(KEPT) ? chosen().slice(KEPT.length) : templates.find((one) => one.id === chosen())?.id || "my_tree");
  const user = onlyOwn() ? `${namePart(document.documentElement.dataset.user ?? "")}-` : "";
  name.value = freeName(like.startsWith(user) ? like : user + like, taken());
}

/** @param {Start|undefined} one */
function pick(one) {
  if (!one) return;
  const left = shown?.source !== undefined && kept?.find(draftOf(shown)) ? shown : null;
  const draft = one.source === undefined ? null : kept?.find(draftOf(one));
  shown = one;
  const about = byId("template-about", HTMLElement);
  write(about, hinted(one) ? "The comment at the top of the code says what to try." : one.about);
  attribute(about, "data-demo", one.source === undefined);
  editor.value = one.source ?? "# A demo brings its own source. It is shown here when it runs, and can be changed then.\n";
  editor.lock(one.source === undefined);
  hint();
  propose();
  if (one.options) fill(one.options);
  check.drop();
  check.tell("");
  note.hide();
  if (draft && draft.text !== one.source) {
    put(draft.text);
    note.restored(draft, "", () => put(one.source ?? ""), ({ text }) => put(text));
  } else if (left && left !== one) note.say(`Your changes to “${left.title}” are kept.`, "Go back to them", () => {
    from.value = left.id || "empty";
    pick(left);
    editor.focus();
  });
}

/** The number fields of the options, by what they set. @type {["memory_mb"|"held_s"|"cpu_s"|"idle_s", string, number][]} */
const LIMITS = [["memory_mb", "l-memory", 1], ["held_s", "l-held", 1], ["cpu_s", "l-cpu", 1], ["idle_s", "l-idle", 60]];

/** Fill the fields with the options of a former sandbox, and show them. @param {Options} options */
function fill({ strategy, max_restarts, max_seconds, custom_config, limits }) {
  const set = (/** @type {string} */ id, /** @type {unknown} */ value) =>
    (byId(id, HTMLInputElement).value = value === null || value === undefined ? "" : String(value));
  byId("o-strategy", HTMLSelectElement).value = strategy ?? "";
  set("o-restarts", max_restarts);
  set("o-seconds", max_seconds);
  byId("o-config", HTMLTextAreaElement).value = custom_config === null || custom_config === undefined ? "" : JSON.stringify(custom_config);
  for (const [limit, id, unit] of LIMITS) if (limits?.[limit] !== undefined) set(id, limits[limit] / unit);
  byId("options", HTMLDetailsElement).open = true;
}

/** Put a text into the editor, and keep it as the draft unless it is the starting point's own. @param {string} text */
function put(text) {
  editor.value = text;
  keep(text);
  hint();
  if (text === shown?.source) check.clear();
  else check.later();
}

/** @param {string} id @param {HTMLElement} field @param {string} words */
function wrong(id, field, words) {
  if (words) wrongField();
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
  const limits = LIMITS.map(([limit, id, unit]) => [limit, limit === "idle_s" ? (numeric(id) ?? 0) * unit : numeric(id)]);
  const own = demo(), plain = unchanged();
  return {
    sandbox_id: name.value, ...(own ? { demo: own.id } : plain ? { template: plain.id } : { source: editor.value }),
    strategy: byId("o-strategy", HTMLSelectElement).value || null, max_restarts: numeric("o-restarts"), max_seconds: numeric("o-seconds"),
    node: memberSelect.value || null, custom_config: config,
    limits: { ...shown?.options?.limits, ...Object.fromEntries(limits.filter(([, one]) => one !== null)) },
  };
}

let starting = false;

/** Start the sandbox. */
export async function start() {
  if (starting) return;
  check.drop();
  const body = wanted();
  if (!body) return;
  starting = true;
  reportStart();
  try {
    const begun = shown, source = editor.value;
    const one = await platform("POST", "/sandboxes", body);
    editor.unmark();
    check.tell(`${one.id} runs. Change the code and run it again.`, "ok");
    if (begun && shown === begun && editor.value === source) {
      kept?.drop(draftOf(begun));
      note.hide();
    }
    named = false; // the next one gets a new name
    made(one, begun?.source === undefined ? null : source);
    check.warn(one.warnings);
  } catch (error) {
    if (/** @type {any} */ (error).code === "sandbox_already_exists") wrong("id-wrong", name, "There is one of this name.");
    check.refused(error);
  } finally {
    starting = false;
  }
}

/** Offer the cluster members that can run it, once there are several; the chosen one stays chosen. */
export async function offerMembers() {
  const before = memberSelect.value, choices = memberChoices(await platform("GET", "/nodes"), before);
  mend(memberSelect, choices.map(([value, text]) => make("option", { value }, text)));
  memberSelect.value = before;
  byId("member-field", HTMLElement).hidden = choices.length < 2;
}
