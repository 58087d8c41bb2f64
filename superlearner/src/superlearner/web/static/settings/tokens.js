/**
 * Tokens for other clients, with their permissions. A secret is shown once and not stored.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { copy } from "../base/copying.js";
import { byId, write } from "../base/dom.js";
import { complain, toast } from "../base/toast.js";
import { time } from "../base/words.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";

const form = byId("token-form", HTMLFormElement);
const body = byId("token-rows", HTMLElement);
const wrong = byId("token-wrong", HTMLElement);
const made = byId("token-made", HTMLElement);

/** Return a time, or a text for none. @param {number|null} at @param {string} otherwise */
const moment = (at, otherwise) => (at === null ? otherwise : time(at));

export async function load() {
  /** @type {Api.TokenLine[]} */ const tokens = await platform("GET", "/tokens?per_page=200");
  byId("token-none", HTMLElement).hidden = tokens.length > 0;
  byId("token-table", HTMLElement).hidden = tokens.length === 0;
  render(repeat(tokens, ({ name }) => name, row), body);
}

/** @param {Api.TokenLine} token */
function row({ name, user, scopes, state, expires_at, revoked_at, used_at }) {
  const live = state === "live";
  const until = expires_at === null ? "never ends" : `until ${time(expires_at)}`;
  return html`<tr data-token=${name} ?data-ended=${!live}><th scope="row">${name}</th><td>${user === name ? "" : user}</td>
    <td>${scopes.join(", ")}</td><td>${live ? until : state === "revoked" ? `revoked ${moment(revoked_at, "")}` : "expired"}</td>
    <td>${moment(used_at, "never")}</td><td class="num">${live ? html`<button type="button" class="btn danger"
      aria-label=${`Revoke ${name}`} @click=${() => revoke(name)}>Revoke</button>` : nothing}</td></tr>`;
}

/** @param {string} name */
async function revoke(name) {
  if (!(await confirm(`Revoke ${name}?`,
    `From now on it opens nothing. Sessions that were opened with it end, and pages that are open lose their connection. `
      + `Its name cannot be used again.`,
    "Revoke")))
    return;
  try {
    await platform("DELETE", `/tokens/${encodeURIComponent(name)}`);
    toast(`${name} was revoked.`);
    await load();
  } catch (error) {
    complain(error, `Revoke ${name}`);
  }
}

form.onsubmit = (event) => {
  event.preventDefault();
  void create();
};
form.oninput = () => write(wrong, "");

async function create() {
  const given = new FormData(form);
  const user = String(given.get("user") ?? "").trim();
  const days = Number(given.get("days") ?? 90);
  const name = form.elements.namedItem("name");
  try {
    const token = await platform("POST", "/tokens", {
      name: String(given.get("name") ?? "").trim(), scopes: given.getAll("scopes"), expires_days: days, ...(user ? { user } : {}),
    });
    form.reset();
    write(byId("token-secret", HTMLElement), token.secret);
    write(byId("token-made-title", HTMLElement), `The token of ${token.name}, shown this once`);
    made.hidden = false;
    byId("token-copy", HTMLButtonElement).focus();
    await load();
  } catch (error) {
    const { message = "failed", hint = "" } = /** @type {{message?: string, hint?: string}} */ (error);
    write(wrong, `${message.includes("match pattern")
      ? "Name: letters, digits, . _ @ and -, beginning with a letter or digit; at most 64."
      : message}${hint ? ` ${hint}.` : ""}`);
    if (name instanceof HTMLInputElement) name.focus();
  }
}

byId("token-copy", HTMLButtonElement).onclick = async () => {
  const secret = byId("token-secret", HTMLElement);
  if (await copy(secret.textContent ?? "")) {
    toast("The token is in the clipboard.");
    return;
  }
  getSelection()?.selectAllChildren(secret);
  toast("Copy it with the keyboard: it is selected.");
};
byId("token-done", HTMLButtonElement).onclick = () => {
  made.hidden = true;
  write(byId("token-secret", HTMLElement), "");
};
