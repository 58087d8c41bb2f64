/**
 * Whether nothing is to move: the system says so, or who looks chose it on the settings page. Styles ask the same in sl.css.
 *
 * @module
 */

const system = matchMedia("(prefers-reduced-motion: reduce)");

export const still = () => system.matches || document.documentElement.dataset.motion === "reduced";
