/**
 * Users with their roles, and links that sign them in once. A link is shown once and not stored.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { copyButton } from "../base/copying.js";
import { byId, make, renew, write } from "../base/dom.js";
import { complain, toast } from "../base/toast.js";
import { time } from "../base/words.js";


const ROLES = ["owner", "teacher", "learner", "viewer"];
/** The roles whose users each role manages, as the server checks them. @type {Record<string, string[]>} */
const MANAGED = { owner: ROLES, teacher: ["learner", "viewer"] };
const SVG = "http://www.w3.org/2000/svg";

const form = byId("user-form", HTMLFormElement);
const body = byId("user-rows", HTMLElement);
const wrong = byId("user-wrong", HTMLElement);
const dialog = byId("link-dialog", HTMLDialogElement);
/** @type {string[]} */ let managed = [];

/** @param {string|null} role  that of the current user */
export async function load(role) {
  managed = MANAGED[role ?? ""] ?? [];
  const choice = form.elements.namedItem("role");
  if (choice instanceof HTMLSelectElement) for (const option of choice.options) option.hidden = option.disabled = !managed.includes(option.value);
  const users = /** @type {Api.UserLine[]} */ (await platform("GET", "/users?per_page=1000"));
  renew(body, users.map(row));
}

/** @param {Api.UserLine} user */
function row(user) {
  const own = user.name === "owner";
  const mine = managed.includes(user.role);
  return make("tr", { "data-user": user.name },
    make("th", { scope: "row" }, user.name),
    make("td", {}, mine && !own ? roles(user) : user.role),
    make("td", {}, user.narrowed ? `only ${user.scopes.join(", ")}` : user.scopes.join(", ")),
    make("td", {}, own ? "" : user.last_seen === null ? "never" : time(user.last_seen)),
    make("td", { class: "num" }, user.most_sandboxes === null ? `${user.sandboxes}` : `${user.sandboxes} of ${user.most_sandboxes}`),
    make("td", { class: "num" }, make("span", { class: "row-acts" },
      mine ? act("link", "Link", `Sign-in link for ${user.name}`) : null,
      mine && !own ? act("out", "Sign out", `Sign out ${user.name} everywhere`) : null,
      mine && !own ? act("remove", "Remove", `Remove ${user.name}`, "btn danger") : null)));
}

/** @param {Api.UserLine} user */
function roles(user) {
  const select = make("select", { "aria-label": `Role of ${user.name}` },
    ...managed.map((role) => make("option", { value: role, selected: role === user.role }, role)));
  select.value = user.role;
  select.onchange = () => void change(user, select);
  return select;
}

/** @param {string} what @param {string} words @param {string} label @param {string} [look] */
const act = (what, words, label, look = "btn") => make("button", { type: "button", class: look, "data-act": what, "aria-label": label }, words);

body.onclick = (event) => {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  const name = button?.closest("tr")?.dataset.user;
  if (!name) return;
  if (button?.dataset.act === "link") void link(name);
  else if (button?.dataset.act === "out") void signOut(name);
  else void remove(name);
};

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

/** @param {{user: string, url: string, expires_at: number, note: string|null, qr_path: string, qr_size: number}} made */
function show(made) {
  write(byId("link-title", HTMLElement), `Sign-in link for ${made.user}`);
  write(byId("link-url", HTMLElement), made.url);
  write(byId("link-until", HTMLElement), `It signs in once, as ${made.user}, and works until ${time(made.expires_at)}. Only its hash is stored, so it is not shown again.`);
  const note = byId("link-note", HTMLElement);
  note.hidden = made.note === null;
  write(note, made.note ? `${made.note[0]?.toUpperCase()}${made.note.slice(1)}.` : "");
  const image = document.createElementNS(SVG, "svg");
  image.setAttribute("viewBox", `0 0 ${made.qr_size} ${made.qr_size}`);
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", "The link as a QR code");
  image.setAttribute("shape-rendering", "crispEdges");
  const squares = document.createElementNS(SVG, "path");
  squares.setAttribute("d", made.qr_path);
  image.append(squares);
  renew(byId("link-qr", HTMLElement), [image]);
  renew(byId("link-copy", HTMLElement), [copyButton(() => made.url, "Copy", "Copy the link", "btn")]);
  dialog.showModal();
}

dialog.onclose = () => {
  write(byId("link-url", HTMLElement), "");
  renew(byId("link-qr", HTMLElement), []);
};

/** @param {Api.UserLine} user @param {HTMLSelectElement} select */
async function change(user, select) {
  try {
    await platform("PUT", `${path(user.name)}/role`, { role: select.value });
    toast(`${user.name} is ${select.value} now.`);
  } catch (error) {
    complain(error, `Role of ${user.name}`);
  }
  await again();
}

/** @param {string} name */
async function signOut(name) {
  if (!(await confirm(`Sign out ${name} everywhere?`, "All sessions and unused links end, and open pages lose their connection. Tokens stay valid.", "Sign out"))) return;
  try {
    await platform("POST", `${path(name)}/sign-out`);
    toast(`${name} was signed out.`);
  } catch (error) {
    complain(error, `Sign out ${name}`);
  }
}

/** @param {string} name */
async function remove(name) {
  if (!(await confirm(`Remove ${name}?`, "Tokens, links, sessions and sandboxes of this user end at once. The name cannot be used again.", "Remove"))) return;
  try {
    await platform("DELETE", path(name));
    toast(`${name} was removed.`);
  } catch (error) {
    complain(error, `Remove ${name}`);
  }
  await again();
}

const again = () => platform("GET", "/users?per_page=1000").then((users) => renew(body, users.map(row)), (error) => complain(error, "Users"));

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
