/**
 * Tokens for other clients, with their permissions. A secret is shown once and not stored.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { copy } from "../base/copying.js";
import { byId, make, renew, write } from "../base/dom.js";
import { complain, toast } from "../base/toast.js";
import { time } from "../base/words.js";

const form = byId("token-form", HTMLFormElement);
const body = byId("token-rows", HTMLElement);
const wrong = byId("token-wrong", HTMLElement);
const made = byId("token-made", HTMLElement);

/** Return a time, or a text for none. @param {number|null} at @param {string} otherwise */
const moment = (at, otherwise) => (at === null ? otherwise : time(at));

export async function load() {
  const tokens = /** @type {any[]} */ (await platform("GET", "/tokens?per_page=200"));
  byId("token-none", HTMLElement).hidden = tokens.length > 0;
  byId("token-table", HTMLElement).hidden = tokens.length === 0;
  renew(body, tokens.map((one) => make("tr", { "data-token": one.name, "data-ended": one.state !== "live" },
    make("th", { scope: "row" }, one.name), make("td", {}, one.user === one.name ? "" : one.user), make("td", {}, one.scopes.join(", ")),
    make("td", {}, one.state === "live" ? moment(one.expires_at, "never ends").replace(/^(?!never)/, "until ") : one.state === "revoked" ? `revoked ${moment(one.revoked_at, "")}` : "expired"),
    make("td", {}, moment(one.used_at, "never")),
    make("td", { class: "num" }, one.state === "live" ? make("button", { type: "button", class: "btn danger", "aria-label": `Revoke ${one.name}` }, "Revoke") : null))));
}

body.onclick = (event) => {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  const name = button?.closest("tr")?.dataset.token;
  if (name) void revoke(name);
};

/** @param {string} name */
async function revoke(name) {
  if (!(await confirm(`Revoke ${name}?`, `From now on it opens nothing. Sessions that were opened with it end, and pages that are open lose their connection. Its name cannot be used again.`, "Revoke"))) return;
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
    write(wrong, `${message.includes("match pattern") ? "Name: letters, digits, . _ @ and -, beginning with a letter or digit; at most 64." : message}${hint ? ` ${hint}.` : ""}`);
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
