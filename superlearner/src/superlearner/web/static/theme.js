/**
 * Light or dark. Follows the system until the switch is used; a choice that equals the system's is forgotten again.
 * A classic script in the head, so that the page never flashes in the wrong colours.
 */
(() => {
  const KEY = "superlearner.theme";
  const page = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  const shown = () => page.dataset.theme ?? (system.matches ? "dark" : "light");

  /** @param {string|null} choice */
  const apply = (choice) => {
    if (choice === "light" || choice === "dark") page.dataset.theme = choice;
    else delete page.dataset.theme;
    const button = document.getElementById("theme");
    if (!button) return;
    const other = shown() === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `Switch to the ${other} theme`);
    button.title = `Switch to the ${other} theme`;
  };

  const flip = () => {
    const next = shown() === "dark" ? "light" : "dark";
    const choice = next === (system.matches ? "dark" : "light") ? null : next;
    try {
      if (choice === null) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
    apply(choice);
  };

  apply(stored());
  system.addEventListener("change", () => apply(stored()));
  window.addEventListener("storage", (event) => event.key === KEY && apply(event.newValue));
  document.addEventListener("DOMContentLoaded", () => {
    apply(stored());
    document.getElementById("theme")?.addEventListener("click", flip);
  });
})();
