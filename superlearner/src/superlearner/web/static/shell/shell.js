/**
 * Code for every page: keys and help, navigation, node switcher, and the way to the command palette.
 *
 * @module
 */

import { toast } from "../base/toast.js";
import { touring } from "../learn/tour-place.js";
import { help, listen, shortcuts } from "./keys.js";
import { followNavigation, pages } from "./nav.js";
import { followNodes } from "./nodes.js";
import { disableActs, onlyReads } from "./only-reads.js";

/** How long after the page the palette is loaded without a sign of use. From then on it opens even if the server is gone. */
const SOON_MS = 3000;

/** A few pages have none. */
const hasPalette = document.getElementById("palette") !== null;

/** Most visits to a page do not open it. */
const loadPalette = () => import("./palette.js");

function loadSoon() {
  if (hasPalette) void loadPalette().catch(() => {}); // opening it tries again
}

async function openPalette() {
  if (!hasPalette) return;
  const loaded = await loadPalette().catch(() => null);
  if (loaded) loaded.palette.open();
  else toast("The server does not answer.", { hint: "Try again when it is back.", level: "bad" });
}

followNavigation();
followNodes();
for (const button of document.querySelectorAll("#palette-open, [data-opens=palette]")) {
  button.addEventListener("click", openPalette);
  for (const sign of ["pointerenter", "focus"]) button.addEventListener(sign, loadSoon);
}
addEventListener("keydown", ({ key }) => (key === "Control" || key === "Meta") && loadSoon());
setTimeout(loadSoon, SOON_MS);
shortcuts([
  { keys: ["?"], text: "This help", run: help },
  { keys: ["Ctrl K"], text: "Go to a page, process, operation or text", run: openPalette },
  ...pages().filter(({ letter }) => letter)
    .map(({ letter, label, href }) => ({ keys: [`g ${letter}`], text: `Go to ${label}`, run: () => location.assign(href) })),
]);
listen();
if (onlyReads()) disableActs();
if (touring()) void import("../learn/tour.js").catch(() => {}); // the page works without its tour
