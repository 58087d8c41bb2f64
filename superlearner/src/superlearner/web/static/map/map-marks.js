/**
 * Marks on the map besides states: the selection, and marks set by other parts of the page ("expected to restart",
 * "where it began"). Marks differ in line style, not only in colour.
 *
 * @module
 */

/** @typedef {"expected"|"right"|"wrong"|"spared"|"cause"|"effect"} Mark */
/** @typedef {{mark: Mark, text?: string}} Note */

/**
 * The colour token, dashes, thickness and corner sign of each mark.
 * @type {Record<Mark, {token: string, dash: number[], thick: number, sign: string}>}
 */
export const MARKS = {
  expected: { token: "accent", dash: [3, 2], thick: 1.5, sign: "" },
  right: { token: "run", dash: [], thick: 1.5, sign: "✓" },
  wrong: { token: "crash", dash: [], thick: 1.5, sign: "✗" },
  spared: { token: "stop", dash: [1, 2], thick: 1.5, sign: "" },
  cause: { token: "crash", dash: [], thick: 2.5, sign: "" },
  effect: { token: "restart", dash: [4, 2], thick: 1.5, sign: "" },
};

/**
 * Draw selection and marks.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./map-layout.js").Layout} layout
 * @param {Record<string, string>} colours
 * @param {ReadonlySet<string>} selected
 * @param {ReadonlyMap<string, Note>} notes
 */
export function drawMarks(pen, layout, colours, selected, notes) {
  const { w, h } = layout.level;
  /** @param {string} key @param {string} colour @param {number} thick @param {number[]} dash @param {number} out */
  const frame = (key, colour, thick, dash, out) => {
    const place = layout.places.get(key);
    if (!place) return undefined;
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.roundRect(place.x - out, place.y - out, place.w + 2 * out, h + 2 * out, 4);
    pen.stroke();
    return { x: place.x + place.w, y: place.y };
  };
  for (const key of selected) frame(key, colours.accent ?? "", w < 8 ? 1.5 : 2, [], w < 12 ? 0 : -0.5);
  for (const [key, { mark }] of notes) {
    const { token, dash, thick, sign } = MARKS[mark];
    const corner = frame(key, colours[token] ?? "", thick, dash, w < 12 ? 1 : -1.5);
    if (!corner || !sign || w < 12) continue;
    pen.font = "700 11px sans-serif";
    pen.textBaseline = "middle";
    pen.fillStyle = colours[token] ?? "";
    pen.fillText(sign, corner.x - 9, corner.y + 5);
  }
  pen.setLineDash([]);
}
