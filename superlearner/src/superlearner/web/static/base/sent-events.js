/**
 * A parser of server-sent events from chunks. Pure: no DOM. Source: WHATWG HTML, §9.2.
 *
 * @module
 */

/** @typedef {{id: string, type: string, data: string}} Sent */

/** Maximum length of an incomplete event; none of ours is longer. */
const LIMIT = 4_000_000;

/**
 * Return a function that takes chunks of text and returns complete events.
 * @returns {(piece: string) => Sent[]}
 */
export function sentEvents() {
  let rest = "";
  let id = "";
  return (piece) => {
    rest = (rest + piece).replace(/\r\n?(?!$)/g, "\n");
    if (rest.length > LIMIT) rest = "";
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      let type = "message";
      /** @type {string[]} */ const data = [];
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        if (colon < 1) continue;
        const value = line.slice(colon + 1).replace(/^ /, "");
        if (line.startsWith("data:")) data.push(value);
        else if (line.startsWith("event:")) type = value;
        else if (line.startsWith("id:")) id = value;
      }
      return data.length ? [{ id, type, data: data.join("\n") }] : [];
    });
  };
}
