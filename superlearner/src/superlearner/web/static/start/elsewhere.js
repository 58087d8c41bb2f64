/**
 * What is wrong on other nodes than the one that Start shows. Pure.
 *
 * @module
 */

/** @typedef {Pick<Api.ClusterAnomalies, "anomalies"|"missing">} Answer  of all nodes */

/** The answer that nothing is wrong. @type {Answer} */
export const NONE = { anomalies: [], missing: [] };
const SERIOUS = new Set(["high", "critical"]);

/**
 * Return what is wrong on other nodes: the lost ones first, then one anomaly for each node, the worst.
 * @param {Answer|null} answer  null if it is not known yet
 * @param {string} shown  the node whose problems stand on the page
 * @returns {{node: string, text: string}[]}
 */
export function elsewhere(answer, shown) {
  const { anomalies, missing } = answer ?? NONE;
  const worst = anomalies.filter(({ severity }) => SERIOUS.has(severity)).map(({ node, description }) => ({ node, text: description }));
  const found = [...missing.map(({ node, reason }) => ({ node, text: reason })), ...worst];
  return found.filter(({ node }, place) => node !== shown && found.findIndex((one) => one.node === node) === place);
}
