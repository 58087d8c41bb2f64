/**
 * The page /settings: four tabs, one of which is in the URL. If this session lacks permission, a part says how to get it.
 *
 * @module
 */

import "./appearance.js";
import { platform } from "../base/api.js";
import { attribute, byId, write } from "../base/dom.js";
import * as configuration from "./settings-list.js";
import * as stored from "./stored.js";
import { tabByKey } from "../components/tab-list.js";
import { complain } from "../base/toast.js";
import * as tokens from "./tokens.js";
import * as users from "./users.js";

const PARTS = ["appearance", "configuration", "access", "data"];
const page = byId("settings", HTMLElement);
const tabs = /** @type {HTMLElement[]} */ ([...page.querySelectorAll("[role=tab]")]);

/** @type {Promise<{user: string, role: string|null, credential: boolean, scopes: string[]}>|null} */ let asked = null;

/** Return the current user; only a failed request is repeated. */
const me = () => (asked ??= platform("GET", "/arsenal/whoami").catch((error) => {
  asked = null;
  throw error;
}));

/** @type {Record<string, () => Promise<void>>} */
const loads = {
  appearance: async () => {},
  configuration: async () => configuration.load((await me()).scopes.includes("code")),
  access: async () => {
    const { scopes, role } = await me();
    if (scopes.includes("code")) await Promise.all([users.load(role), tokens.load()]);
  },
  data: async () => stored.load((await me()).scopes.includes("code")),
};

/** @param {string} part @param {boolean} [focus] */
async function show(part, focus = false) {
  for (const tab of tabs) {
    const mine = tab.id === `tab-${part}`;
    attribute(tab, "aria-selected", mine ? "true" : "false");
    attribute(tab, "tabindex", mine ? 0 : -1);
    if (mine && focus) tab.focus();
  }
  for (const one of PARTS) byId(`part-${one}`, HTMLElement).hidden = one !== part;
  const place = byId(`part-${part}`, HTMLElement);
  place.setAttribute("aria-busy", "true");
  try {
    await loads[part]?.();
    page.dataset.ready = part;
  } catch (error) {
    complain(error, "Settings");
  }
  place.removeAttribute("aria-busy");
}

const wanted = () => (PARTS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "appearance");

for (const tab of tabs) {
  tab.onclick = () => (location.hash = tab.id.slice(4));
  tab.onkeydown = (event) => {
    const next = tabByKey(event, tabs);
    if (!next) return;
    history.replaceState(null, "", `#${next.id.slice(4)}`);
    void show(wanted(), true);
  };
}
window.addEventListener("hashchange", () => void show(wanted()));

me().then(
  (user) => {
    const all = user.scopes.includes("code");
    write(byId("me-name", HTMLElement),
      user.credential ? `You are ${user.user}${user.role && user.role !== user.user ? ` (${user.role})` : ""}` : "Not signed in");
    write(byId("me-scopes", HTMLElement), user.scopes.join(", "));
    for (const one of document.querySelectorAll(".needs-code")) /** @type {HTMLElement} */ (one).hidden = all;
    for (const one of document.querySelectorAll(".has-code")) /** @type {HTMLElement} */ (one).hidden = !all;
    byId("sign-out", HTMLElement).hidden = !user.credential;
    page.dataset.user = user.user;
  },
  () => {}, // the visible part shows it
);
void show(wanted());
