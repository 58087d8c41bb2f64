/**
 * What is wrong on other nodes than the one that Start shows. Pure.
 *
 * @module
 */

import { RANKS } from "../system/system-model.js";

/** @typedef {Pick<Api.ClusterAnomalies, "anomalies"|"missing"|"nodes_queried">} Answer  of all nodes */

/** The answer that nothing is wrong. @type {Answer} */
export const NONE = { anomalies: [], missing: [], nodes_queried: [] };

/**
 * Return all that is wrong on other nodes: the lost ones first, then the worst; and what was wrong on the shown one, if it has not answered
 * this page.
 * @param {Answer|null} answer  null if it is not known yet
 * @param {string} shown  the node whose problems stand on the page
 * @param {boolean} [answered]  the shown node has sent its problems
 * @returns {{node: string, text: string, one?: Api.ClusterAnomalies["anomalies"][number]}[]}
 */
export function elsewhere(answer, shown, answered = true) {
  const { anomalies, missing } = answer ?? NONE;
  const worst = [...anomalies].sort((one, other) => RANKS.indexOf(other.severity) - RANKS.indexOf(one.severity));
  const lost = missing.map(({ node, reason }) => ({ node, text: reason }));
  return [
    ...lost.filter(({ node }) => node !== shown),
    ...worst.filter((one) => one.node !== shown || (!answered && !one.active))
      .map((one) => ({ node: one.node, text: one.description, one })),
  ];
}

/**
 * Return whether to ask the nodes at each sample of the shown one: a process that hangs on another node sends no event.
 * @param {Answer|null} answer
 * @param {string} shown
 */
export const isDue = (answer, shown) => elsewhere(answer, shown).length > 0 || (answer?.nodes_queried.length ?? 0) > 1;

/**
 * Return the attached services as the page has them in `data-services`: in the order of their names, those that are not connected with a
 * question mark, and none whose name is not known yet.
 * @param {readonly {name: string, state: string}[]} all
 */
export const describeServices = (all) => all.filter(({ name }) => name).sort((one, other) => (one.name < other.name ? -1 : 1))
  .map(({ name, state }) => `${name}${["attached", "connecting"].includes(state) ? "" : "?"} `).join("");
