/**
 * The parts of the detail pane besides the first tab. Each is loaded when it is first opened, to keep the page small.
 *
 * @module
 */

import { SlLate, style } from "../base/late.js";
import { part } from "./process-tabs.js";

/** @import { Part, TabId } from "./process-tabs.js" */

/** Load a module and its style together. @template T @param {Promise<T>} module @param {...string} more @returns {Promise<T>} */
const whole = async (module, ...more) => (await Promise.all([module, ...["process/process-tabs.css", ...more].map(style)]))[0];

/**
 * @param {string} id
 * @param {TabId} tab
 * @param {string} label
 * @param {number} place
 * @param {() => Promise<Part["element"]>} load
 * @param {Partial<Part>} [more]
 */
const later = (id, tab, label, place, load, more = {}) =>
  part({ id, tab, label, place, show: () => true, element: new SlLate(load), ...more });

later("state", "now", "State", 10,
  async () => new (await whole(import("./process-state.js"))).SlState(),
  { deep: true, show: (row) => row.kind !== "supervisor" });
later("mailbox", "now", "Mailbox", 20, async () => new (await whole(import("./process-mailbox.js"))).SlMailbox(), { deep: true });
later("messages", "now", "Messages", 30,
  async () => new (await whole(import("./process-messages.js"), "traces/sequence.css")).SlMessages(),
  { deep: true });
later("history", "why", "History", 20, async () => new (await whole(import("./process-history.js"))).SlHistory());
later("links", "relations", "Links", 10, async () => new (await whole(import("./process-links.js"))).SlLinks());
later("source", "code", "Source", 10, async () => new (await whole(import("./process-source.js"))).SlSource());
later("versions", "code", "Versions", 20,
  async () => new (await whole(import("./process-versions.js"))).SlVersions(),
  { show: (row) => row.kind !== "group" });
