/**
 * Where the learner reads: which section that is, and the same place when the page is opened again.
 *
 * @module
 */

const STORE = "superlearner.lesson.place";
/** Space between the upper edge and what is shown there. */
const EDGE = 24;

/** @type {HTMLElement|null} */ let frame = null;

/** Show an element at the upper edge. @param {string} id */
export function goTo(id) {
  document.getElementById(id)?.scrollIntoView({ block: "start" });
}

/**
 * Go to a section before or after the present one, with the focus.
 * @param {string[]} sections
 * @param {string} current
 * @param {number} by
 */
export function goToSection(sections, current, by) {
  const next = sections[Math.min(sections.length - 1, Math.max(0, sections.indexOf(current) + by))];
  if (next === undefined) return;
  goTo(next);
  document.getElementById(`${next}-title`)?.focus({ preventScroll: true });
}

/** Return what is at the upper edge, as the id of the nearest element above it and the way below its top. */
function seen() {
  const top = frame?.getBoundingClientRect().top ?? 0;
  let found = "", below = 0;
  for (const one of frame?.querySelectorAll(":is(.lesson-section, .block)[id]") ?? []) {
    const at = one.getBoundingClientRect().top - top;
    if (at > EDGE + 1) break;
    found = one.id;
    below = Math.round(-at);
  }
  return { id: found, below };
}

function remember() {
  try {
    localStorage.setItem(STORE, JSON.stringify(seen()));
  } catch { /* no storage: the page opens at its beginning */ }
}

/** Go where the address leads, or where the learner was. */
function recall() {
  const named = decodeURIComponent(location.hash.slice(1)), [opened] = performance.getEntriesByType("navigation");
  const again = opened instanceof PerformanceNavigationTiming && opened.type === "reload"; // then the address is older than the place
  if (!again && document.getElementById(named)) return goTo(named);
  try {
    const { id, below } = JSON.parse(localStorage.getItem(STORE) ?? "{}");
    const element = typeof id === "string" && id ? document.getElementById(id) : null;
    if (element && frame && Number.isFinite(below))
      frame.scrollTop += element.getBoundingClientRect().top - frame.getBoundingClientRect().top + below;
  } catch { /* as above */ }
}

/** Follow the reading. @param {HTMLElement} of  what scrolls @param {string[]} sections @param {(section: string) => void} changed */
export function follow(of, sections, changed) {
  frame = of;
  recall();
  let due = false, last = "";
  const look = () => {
    due = false;
    const middle = of.getBoundingClientRect().top + Math.min(200, of.clientHeight / 3);
    const now = sections.findLast((id) => (document.getElementById(id)?.getBoundingClientRect().top ?? Infinity) <= middle)
      ?? sections[0] ?? "";
    remember();
    if (now !== last) changed((last = now));
  };
  of.addEventListener("scroll", () => {
    if (!due) requestAnimationFrame(look);
    due = true;
  }, { passive: true });
  look();
}
