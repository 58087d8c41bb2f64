/**
 * The entry *All nodes* of the node switcher: it names the page that it leads to, unless that is this page. Pure.
 *
 * @module
 */

/**
 * Return the text of the entry and the page that shows all nodes and is nearest to a page.
 * @param {string} page  its path, without the prefix
 * @param {boolean} isTable
 */
export function allNodesFrom(page, isTable) {
  if (page === "/") return { text: "All nodes", href: "/" };
  if (page === "/timeline") return { text: "All nodes: restarts on Start", href: "/" };
  const view = isTable ? "?view=processes" : page === "/supervisors" ? "?view=trees" : "";
  return { text: page === "/cluster" ? "All nodes" : "All nodes: page Cluster", href: `/cluster${view}` };
}
