/**
 * Conditions of tour steps, met by an event of the platform or by the page's URL. Pure: no DOM.
 *
 * @module
 */

/** @typedef {Partial<Api.EventLine> & {type: string}} Happened */

/** Return who acts under a name: without sign-in on this machine, the owner does. @param {string} user */
const reader = (user) => (user === "anonymous" ? "owner" : user);

/** Return the type of event that a condition requires; null for none. @param {Api.LearningCondition} done */
export const typeOf = (done) => (done.kind === "event" ? done.type ?? null : done.kind === "operation" ? "operation_done" : null);

/**
 * Return whether an event meets a condition; an operation counts only if the reader ran it.
 * @param {Api.LearningCondition} done
 * @param {Happened} event
 * @param {string} user  the reader's name
 */
export function happened(done, event, user) {
  if (event.type !== typeOf(done)) return false;
  const data = event.data ?? {};
  if (done.kind === "operation") {
    return data.outcome === "ok" && reader(data.user) === reader(user) && (done.operations ?? []).includes(data.operation)
      && (!done.doors?.length || done.doors.includes(data.claims));
  }
  return (!done.name || event.name === done.name)
    && (!done.supervisor || event.supervisor === done.supervisor || event.name === done.supervisor)
    && Object.entries(done.data ?? {}).every(([field, value]) => String(data[field]) === value);
}

/**
 * Return whether the page shows what a condition requires.
 * @param {Api.LearningCondition} done
 * @param {string} path  below the root
 * @param {URLSearchParams} words
 */
export function shown(done, path, words) {
  if (done.kind !== "visited" || (path.replace(/\/+$/, "") || "/") !== done.path) return false;
  return Object.entries(done.words ?? {})
    .every(([name, value]) => words.getAll(name).some((one) => one === value || one.endsWith(`/${value}`)));
}

/**
 * Return the name of the process that a step is about; "" for none.
 * @param {Api.LearningStep} step
 */
export function targetOf({ done, page }) {
  return done.words?.["process"] ?? (done.name || done.supervisor || new URLSearchParams(page.split("?")[1]).get("process") || "");
}

/**
 * Return the tour to continue: one in progress, else the first unfinished one; null if there is none.
 * @param {readonly {id: string, steps: number}[]} tours  in the order of the path
 * @param {Readonly<Record<string, number>>} learned
 */
export function nextTour(tours, learned) {
  const open = tours.filter(({ id, steps }) => (learned[id] ?? 0) < steps);
  return open.find(({ id }) => (learned[id] ?? 0) > 0)?.id ?? open[0]?.id ?? null;
}

/**
 * Split a text into plain parts and parts between backticks.
 * @param {string} text
 * @returns {{code: boolean, text: string}[]}
 */
export const pieces = (text) => text.split("`").map((one, at) => ({ code: at % 2 === 1, text: one })).filter((one) => one.text);
