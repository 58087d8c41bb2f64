/**
 * The choice of the cluster member that runs a new sandbox; shown once the platform has another member.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { byId, make, mend } from "../base/dom.js";
import { memberChoices } from "./sandbox-words.js";

const select = byId("member", HTMLSelectElement);

/** Return the chosen member; null for the machine of the platform. */
export const chosenMember = () => select.value || null;

/** Offer the members that are connected now; the chosen one stays chosen. */
export async function offerMembers() {
  const choices = memberChoices(await platform("GET", "/nodes"), select.value);
  const before = select.value;
  mend(select, choices.map(([value, text]) => make("option", { value }, text)));
  select.value = before;
  byId("member-field", HTMLElement).hidden = choices.length < 2;
}
