/**
 * Appearance in this browser: theme, motion, density. Follows the system by default; a theme that equals the system's
 * is not stored. This is a classic script in the head, so that the page never flashes in the wrong colours.
 */
(() => {
  /** The choices; any other value means the first, the default. @type {Record<string, string[]>} */
  const CHOICES = { theme: ["system", "light", "dark"], motion: ["system", "reduced"], density: ["comfortable", "compact"] };
  const page = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  /** @param {string} name */
  const stored = (name) => {
    try {
      return localStorage.getItem(`superlearner.${name}`);
    } catch {
      return null;
    }
  };
  const shown = () => page.dataset.theme ?? (system.matches ? "dark" : "light");

  /** @param {string} name @param {string|null} choice */
  const apply = (name, choice) => {
    if (choice !== null && CHOICES[name]?.slice(1).includes(choice)) page.dataset[name] = choice;
    else delete page.dataset[name];
    if (name === "theme") label();
  };

  const label = () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const other = shown() === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `Switch to the ${other} theme`);
    button.title = `Switch to the ${other} theme`;
  };

  /** @param {string} name @param {string|null} choice  null for the default */
  const choose = (name, choice) => {
    try {
      if (choice === null) localStorage.removeItem(`superlearner.${name}`);
      else localStorage.setItem(`superlearner.${name}`, choice);
    } catch {
      // storage may be forbidden; the choice then lasts as long as the page
    }
    apply(name, choice);
  };

  const flip = () => {
    const next = shown() === "dark" ? "light" : "dark";
    choose("theme", next === (system.matches ? "dark" : "light") ? null : next);
  };

  for (const name of Object.keys(CHOICES)) apply(name, stored(name));
  system.addEventListener("change", () => apply("theme", stored("theme")));
  window.addEventListener("storage", (event) => {
    for (const name of Object.keys(CHOICES)) if (event.key === null || event.key === `superlearner.${name}`) apply(name, stored(name));
  });
  // the settings page sends this event, since a classic script has no exports
  document.addEventListener("sl-appearance", (event) => {
    const { name, choice } = /** @type {CustomEvent<{name: string, choice: string}>} */ (event).detail;
    if (CHOICES[name]) choose(name, choice === CHOICES[name][0] ? null : choice);
  });
  document.addEventListener("DOMContentLoaded", () => {
    label();
    document.getElementById("theme")?.addEventListener("click", flip);
  });
})();
