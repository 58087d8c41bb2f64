/**
 * What every page has: keys and help, the choice of the node.
 *
 * @module
 */

import { help, listen, shortcuts } from "./keys.js";

const nodes = document.getElementById("node");
if (nodes instanceof HTMLSelectElement) {
  nodes.onchange = () => {
    const here = new URL(location.href);
    if (nodes.value) here.searchParams.set("node", nodes.value);
    else here.searchParams.delete("node");
    location.assign(here);
  };
}

shortcuts([{ keys: ["?"], text: "This list", run: help }]);
listen();
