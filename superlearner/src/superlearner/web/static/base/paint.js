/**
 * The colours of the house style for canvases, which do not support `light-dark()`: a probe element resolves them,
 * and again when the theme changes.
 *
 * @module
 */

/** @type {Map<string, string>} */ const known = new Map();
/** @type {Set<() => void>} */ const listeners = new Set();
/** @type {HTMLElement|null} */ let probe = null;

/**
 * Return a token as a colour for a canvas: `colour("accent")`.
 * @param {string} token
 */
export function colour(token) {
  const found = known.get(token);
  if (found !== undefined) return found;
  if (!probe) begin();
  const element = /** @type {HTMLElement} */ (probe);
  element.style.color = `var(--${token})`;
  const value = getComputedStyle(element).color;
  known.set(token, value);
  return value;
}

/**
 * Call back after a change of the theme; return a function that stops this.
 * @param {() => void} callback
 */
export function onTheme(callback) {
  if (!probe) begin();
  listeners.add(callback);
  return () => listeners.delete(callback);
}

function begin() {
  probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const changed = () => {
    known.clear();
    for (const listener of listeners) listener();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
