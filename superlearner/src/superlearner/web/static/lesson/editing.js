/**
 * The editor inside a block of a session: its height, and the key that runs its code.
 *
 * @module
 */

const MOST_LINES = 36, FRAME = 44;
/** Height of a line in px. Touch screens use a larger font. */
const LINE = matchMedia("(pointer: coarse)").matches ? 24.8 : 20.15;

/** Return the CSS height of an editor. @param {number} lines  longer code scrolls inside the editor */
export const heightOf = (lines) => `${Math.min(MOST_LINES, lines) * LINE + FRAME}px`;

/**
 * Call a function at Ctrl-Enter or ⌘-Enter. The editor has its own meaning for this key, so the block takes it first.
 *
 * @param {HTMLElement} block
 * @param {() => void} run
 */
export const onCtrlEnter = (block, run) => block.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  run();
}, { capture: true });
