/**
 * Users with their roles, and links that sign them in once. A link is shown once and not stored.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { copyButton } from "../base/copying.js";
import { byId, write } from "../base/dom.js";
import { complain, toast } from "../base/toast.js";
import { time } from "../base/words.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";

const ROLES = ["owner", "teacher", "learner", "viewer"];
/** The roles whose users each role manages, as the server checks them. @type {Record<string, string[]>} */
const MANAGED = { owner: ROLES, teacher: ["learner", "viewer"] };

const form = byId("user-form", HTMLFormElement);
const body = byId("user-rows", HTMLElement);
const wrong = byId("user-wrong", HTMLElement);
const dialog = byId("link-dialog", HTMLDialogElement);
const qr = byId("link-qr", HTMLElement);
/** @type {string[]} */ let managed = [];

/** @param {string|null} role  that of the current user */
export async function load(role) {
  managed = MANAGED[role ?? ""] ?? [];
  const choice = form.elements.namedItem("role");
  if (choice instanceof HTMLSelectElement)
    for (const option of choice.options) option.hidden = option.disabled = !managed.includes(option.value);
  await draw();
}

async function draw() {
  /** @type {Api.UserLine[]} */ const users = await platform("GET", "/users?per_page=1000");
  render(repeat(users, ({ name }) => name, row), body);
}

/** @param {Api.UserLine} user */
function row(user) {
  const own = user.name === "owner";
  const mine = managed.includes(user.role);
  const { name, role, narrowed, scopes, last_seen, sandboxes, most_sandboxes } = user;
  return html`<tr data-user=${name}><th scope="row">${name}</th><td>${mine && !own ? roles(user) : role}</td>
    <td>${narrowed ? "only " : ""}${scopes.join(", ")}</td><td>${own ? "" : last_seen === null ? "never" : time(last_seen)}</td>
    <td class="num">${sandboxes}${most_sandboxes === null ? "" : ` of ${most_sandboxes}`}</td><td class="num"><span class="row-acts">
      ${mine ? act("Link", `Sign-in link for ${name}`, () => link(name)) : nothing}
      ${mine && !own ? act("Sign out", `Sign out ${name} everywhere`, () => signOut(name)) : nothing}
      ${mine && !own ? act("Remove", `Remove ${name}`, () => remove(name), "btn danger") : nothing}</span></td></tr>`;
}

/** Return the choice of a role. @param {Api.UserLine} user */
const roles = (user) => html`<select aria-label=${`Role of ${user.name}`}
  @change=${(/** @type {Event & {currentTarget: HTMLSelectElement}} */ event) => change(user.name, event.currentTarget.value)}>
  ${managed.map((role) => html`<option value=${role} ?selected=${role === user.role}>${role}</option>`)}</select>`;

/** @param {string} words @param {string} label @param {() => void} run @param {string} [look] */
const act = (words, label, run, look = "btn") =>
  html`<button type="button" class=${look} aria-label=${label} @click=${run}>${words}</button>`;

/** @param {string} name */
const path = (name) => `/users/${encodeURIComponent(name)}`;

/** @param {string} name */
async function link(name) {
  try {
    show(await platform("POST", `${path(name)}/link`, { qr: true }));
  } catch (error) {
    complain(error, `Sign-in link for ${name}`);
  }
}

/** @param {Api.SignInLinkMade} made */
function show(made) {
  write(byId("link-title", HTMLElement), `Sign-in link for ${made.user}`);
  write(byId("link-url", HTMLElement), made.url);
  write(byId("link-until", HTMLElement), `It signs in once, as ${made.user}, and works until ${time(made.expires_at)}.${made.replaced
    ? " The earlier unused link no longer works." : ""} Only its hash is `
    + `stored, so it is not shown again.`);
  const note = byId("link-note", HTMLElement);
  note.hidden = made.note === null;
  write(note, made.note ? `${made.note[0]?.toUpperCase()}${made.note.slice(1)}.` : "");
  render(html`<svg viewBox=${`0 0 ${made.qr_size} ${made.qr_size}`} role="img" aria-label="The link as a QR code"
    shape-rendering="crispEdges"><path d=${made.qr_path}></path></svg>`, qr);
  render(copyButton(() => made.url, "Copy", "Copy the link", "btn"), byId("link-copy", HTMLElement));
  dialog.showModal();
}

dialog.onclose = () => {
  write(byId("link-url", HTMLElement), "");
  render(nothing, qr);
};

/** @param {string} name @param {string} role */
async function change(name, role) {
  try {
    await platform("PUT", `${path(name)}/role`, { role });
    toast(`${name} is ${role} now.`);
  } catch (error) {
    complain(error, `Role of ${name}`);
  }
  await again();
}

/** @param {string} name */
async function signOut(name) {
  if (!(await confirm(`Sign out ${name} everywhere?`,
    "All sessions and unused links end, and open pages lose their connection. Tokens stay valid.", "Sign out")))
    return;
  try {
    await platform("POST", `${path(name)}/sign-out`);
    toast(`${name} was signed out.`);
  } catch (error) {
    complain(error, `Sign out ${name}`);
  }
}

/** @param {string} name */
async function remove(name) {
  if (!(await confirm(`Remove ${name}?`, "Tokens, links, sessions and sandboxes of this user end at once. The name cannot be used again.",
    "Remove")))
    return;
  try {
    await platform("DELETE", path(name));
    toast(`${name} was removed.`);
  } catch (error) {
    complain(error, `Remove ${name}`);
  }
  await again();
}

const again = () => draw().catch((error) => complain(error, "Users"));

form.onsubmit = (event) => {
  event.preventDefault();
  void add();
};
form.oninput = () => write(wrong, "");

async function add() {
  const given = new FormData(form);
  const name = String(given.get("name") ?? "").trim();
  try {
    const user = await platform("POST", "/users", { name, role: given.get("role") });
    form.reset();
    await again();
    await link(user.name);
  } catch (error) {
    const { message = "failed", hint = "" } = /** @type {{message?: string, hint?: string}} */ (error);
    write(wrong, `${message}${hint ? `; ${hint}` : ""}`);
    const field = form.elements.namedItem("name");
    if (field instanceof HTMLInputElement) field.focus();
  }
}
