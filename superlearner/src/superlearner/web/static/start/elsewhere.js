/**
 * What is wrong on other nodes than the one that Start shows. Pure.
 *
 * @module
 */

import { RANKS } from "../system/system-model.js";

/** @typedef {Pick<Api.ClusterAnomalies, "anomalies"|"missing"|"nodes_queried">} Answer  of all nodes */

/** The answer that nothing is wrong. @type {Answer} */
export const NONE = { anomalies: [], missing: [], nodes_queried: [] };
/** Samples after which nodes without problems are asked again. */
const CALM = 5;

/**
 * Return all that is wrong on other nodes: the lost ones first, then the worst.
 * @param {Answer|null} answer  null if it is not known yet
 * @param {string} shown  the node whose problems stand on the page
 * @returns {{node: string, text: string, one?: Api.ClusterAnomalies["anomalies"][number]}[]}
 */
export function elsewhere(answer, shown) {
  const { anomalies, missing } = answer ?? NONE;
  const worst = [...anomalies].sort((one, other) => RANKS.indexOf(other.severity) - RANKS.indexOf(one.severity));
  const lost = missing.map(({ node, reason }) => ({ node, text: reason }));
  return [...lost, ...worst.map((one) => ({ node: one.node, text: one.description, one }))]
    .filter(({ node }) => node !== shown);
}

/**
 * Return whether to ask the nodes again after a sample of the shown one: at each while another has a problem, which may be over, and
 * occasionally while there are others, since a process that hangs sends no event.
 * @param {Answer|null} answer
 * @param {string} shown
 * @param {number} samples  since they were asked
 */
export const isDue = (answer, shown, samples) =>
  elsewhere(answer, shown).length > 0 || (samples >= CALM && (answer?.nodes_queried.length ?? 0) > 1);

/**
 * Return the attached services as the page has them in `data-services`: in the order of their names, those that are not connected with a
 * question mark, and none whose name is not known yet.
 * @param {readonly {name: string, state: string}[]} all
 */
export const describeServices = (all) => all.filter(({ name }) => name).sort((one, other) => (one.name < other.name ? -1 : 1))
  .map(({ name, state }) => `${name}${["attached", "connecting"].includes(state) ? "" : "?"} `).join("");
