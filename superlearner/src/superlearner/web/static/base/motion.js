/**
 * Reduced motion, by the system or on the settings page. sl.css tests the same for styles.
 *
 * @module
 */

const system = matchMedia("(prefers-reduced-motion: reduce)");

export const still = () => system.matches || document.documentElement.dataset.motion === "reduced";
