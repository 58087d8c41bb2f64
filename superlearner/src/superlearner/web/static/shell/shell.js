/**
 * Code for every page: keys and help, navigation, node switcher, command palette.
 *
 * @module
 */

import { help, listen, shortcuts } from "./keys.js";
import { followNavigation, pages } from "./nav.js";
import { followNodes } from "./nodes.js";
import { disableActs, onlyReads } from "./only-reads.js";
import { openPalette, wirePalette } from "./palette.js";
import { touring } from "../learn/tour-place.js";

followNavigation();
followNodes();
wirePalette();
shortcuts([
  { keys: ["?"], text: "This help", run: help },
  { keys: ["Ctrl K"], text: "Go to a page, process, operation or text", run: openPalette },
  ...pages().filter(({ letter }) => letter)
    .map(({ letter, label, href }) => ({ keys: [`g ${letter}`], text: `Go to ${label}`, run: () => location.assign(href) })),
]);
listen();
if (onlyReads()) disableActs();
if (touring()) void import("../learn/tour.js").catch(() => {}); // the page works without its tour
