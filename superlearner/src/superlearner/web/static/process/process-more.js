/**
 * The other tabs of the detail pane. Each is loaded when it is first opened, to keep the page small.
 *
 * @module
 */

import { SlLate, style } from "../base/late.js";
import { tab } from "./process-tabs.js";

/** @typedef {import("./process-tabs.js").Tab} Tab */

/** Load a module and its style together. @template T @param {Promise<T>} module @param {...string} more @returns {Promise<T>} */
const whole = async (module, ...more) => (await Promise.all([module, ...["process/process-tabs.css", ...more].map(style)]))[0];

/** @param {string} id @param {string} label @param {number} place @param {() => Promise<Tab["element"]>} load @param {Tab["show"]} [show] */
const later = (id, label, place, load, show = () => true) => tab({ id, label, place, show, element: new SlLate(load) });

later("state", "State", 10, async () => new (await whole(import("./process-state.js"))).SlState(), (row) => row.kind !== "supervisor");
later("mailbox", "Mailbox", 20, async () => new (await whole(import("./process-mailbox.js"))).SlMailbox());
later("messages", "Messages", 30, async () => new (await whole(import("./process-messages.js"), "traces/sequence.css")).SlMessages());
later("links", "Links", 40, async () => new (await whole(import("./process-links.js"))).SlLinks());
later("history", "History", 50, async () => new (await whole(import("./process-history.js"))).SlHistory());
later("source", "Source", 60, async () => new (await whole(import("./process-source.js"))).SlSource());
