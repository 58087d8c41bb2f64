/**
 * The database and the recordings: state, backups, and deletion with a preview.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { byId, closest, make, renew, write } from "../base/dom.js";
import { complain } from "../base/toast.js";
import { counted, number, size, time } from "../base/words.js";

/** Names of tables. @type {Record<string, string>} */
const TABLES = {
  restarts: "restarts", audit: "audit log", setting_changes: "changes of settings", recordings: "recordings", tokens: "tokens",
  users: "users", moments: "replays of restarts", learning: "answers of learners", sign_in_links: "sign-in links",
};
const STATES = /** @type {Record<string, string>} */ ({
  open: "History is stored.", off: "No history is stored: no database is configured.", unavailable: "History cannot be stored just now.",
});

const said = byId("store-said", HTMLElement);

/** @param {boolean} may  whether this session may change it */
export async function load(may) {
  const [store, recordings] = await Promise.all([platform("GET", "/store"), platform("GET", "/recordings?per_page=200")]);
  write(byId("store-state", HTMLElement),
    `${STATES[store.state]
      ?? store.state}${store.why ? ` ${store.why}.`
        : ""}${store.hint ? ` ${store.hint}.` : ""}${store.database ? ` Database: ${store.database}` : ""}`);
  byId("store-state", HTMLElement).dataset.level = store.state === "unavailable" ? "bad" : "info";
  renew(byId("store-rows", HTMLElement), Object.entries(store.rows ?? {}).map(([table, rows]) =>
    make("tr", {}, make("th", { scope: "row" }, TABLES[table] ?? table), make("td", { class: "num" }, number(Number(rows))))));
  byId("store-table", HTMLElement).hidden = store.rows === null;
  byId("store-acts", HTMLFieldSetElement).disabled = !may || store.state === "off";
  renew(byId("recording-rows", HTMLElement), recordings.map((/** @type {any} */ one) => make("tr", { "data-recording": one.name },
    make("th", { scope: "row" }, one.name),
    make("td", { class: "num" }, size(one.size ?? one.bytes ?? 0)),
    make("td", {}, one.at ? time(one.at) : ""),
    make("td", { class: "num" }, make("button", { type: "button", class: "btn danger", "aria-label": `Delete ${one.name}` }, "Delete")))));
  byId("recording-none", HTMLElement).hidden = recordings.length > 0;
  byId("recording-table", HTMLElement).hidden = recordings.length === 0;
}

/** @param {string} text @param {string} [level] */
function say(text, level = "ok") {
  said.hidden = false;
  said.dataset.level = level;
  write(said, text);
}

/** @param {string} what @param {() => Promise<string>} act */
async function run(what, act) {
  try {
    say(await act());
    await load(true);
  } catch (error) {
    const { message = "failed", hint = "" } = /** @type {{message?: string, hint?: string}} */ (error);
    say(`${what}: ${message}.${hint ? ` ${hint}.` : ""}`, "bad");
  }
}

byId("store-export", HTMLButtonElement).onclick = () => void run("Export", async () => {
  const table = byId("export-table", HTMLSelectElement).value;
  const written = await platform("POST", "/store/export", { table });
  return `${counted(written.rows ?? 0, "row")} of ${TABLES[table]} are in ${written.file} (${size(written.size)}), `
    + `on the machine of the platform.`;
});
byId("store-backup", HTMLButtonElement).onclick = () => void run("Backup", async () => {
  const written = await platform("POST", "/store/backup", {});
  return `A copy of the database is in ${written.file} (${size(written.size)}). It holds everything, hashes of tokens included.`;
});
byId("store-compact", HTMLButtonElement).onclick = () => void run("Compact", async () => {
  const { bytes_before: before, bytes_after: after } = await platform("POST", "/store/compact", {});
  return `The database takes ${size(after)}; it took ${size(before)}.`;
});

const dialog = byId("delete-dialog", HTMLDialogElement);
const typed = byId("delete-typed", HTMLInputElement);
const sure = byId("delete-do", HTMLButtonElement);
typed.oninput = () => (sure.disabled = typed.value.trim() !== "delete");

byId("store-delete", HTMLButtonElement).onclick = async () => {
  const table = byId("delete-table", HTMLSelectElement).value;
  const before = Date.now() / 1000 - Number(byId("delete-age", HTMLSelectElement).value) * 86_400;
  try {
    const plan = await platform("DELETE", "/store/rows?dry_run=true", { table, before });
    write(byId("delete-text", HTMLElement), `This would ${plan.would ?? "delete rows"}. They do not come back.`);
  } catch (error) {
    return complain(error, "Delete");
  }
  typed.value = "";
  sure.disabled = true;
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "do")
      void run("Delete", async () =>
        `${counted((await platform("DELETE", "/store/rows", { table, before })).deleted, "row")} of ${TABLES[table]} were deleted.`);
  };
  dialog.showModal();
};

byId("recording-rows", HTMLElement).onclick = async (event) => {
  const name = closest(event.target, "button")?.closest("tr")?.dataset.recording;
  if (!name || !(await confirm(`Delete ${name}?`, "The recording and its file go; they do not come back.", "Delete"))) return;
  await run("Delete", async () => {
    await platform("DELETE", `/recordings/${encodeURIComponent(name)}`);
    return `${name} was deleted.`;
  });
};
