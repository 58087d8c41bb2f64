/**
 * A session as the operation `course.lesson` shows it, and what is done in it.
 *
 * @module
 */

/** @typedef {Api.CourseItem} ItemState */
/**
 * @typedef {{kind: "match"|"set"|"times"|"tree", values: string[], keys: string[], labels: Record<string, string>,
 *   listing?: boolean, allowed?: number, seconds?: number, typed?: string}} Choice
 */
/** @typedef {Api.CourseRow} Row */
/**
 * `review`: it is answered once more, as if for the first time.
 * @typedef {Omit<Api.CourseBlock, "choice"> & {choice?: Choice|null, review?: boolean}} Block
 */
/** @typedef {Omit<Api.CourseSection, "blocks"> & {blocks: Block[]}} Section */
/** @typedef {Omit<Api.CourseLesson, "sections"> & {sections: Section[]}} Lesson */
/** @typedef {"none"|"open"|"begun"|"done"|"helped"} Mark */

/** Return the state of something that was not begun. @param {string} id @returns {ItemState} */
export const untouched = (id) => ({ id, attempts: 0, passed: false, helped: false, hints: 0, seen: false, answer: null });

/** Return the blocks that ask for something. @param {Section} section */
export const asks = (section) => section.blocks.filter(({ state }) => Boolean(state));

/** Return whether a block is done: an exercise when its answer has passed, a question when it was answered. @param {Block} block */
export const isDone = ({ kind, state }) => Boolean(kind === "exercise" ? state?.passed : state?.attempts);

/** Return what counts for a section: its core path, or all of it if it has none. @param {Section} section */
export const counts = (section) => (section.core ? asks(section).filter((block) => block.core) : asks(section));

/** Return how far a section is. @param {Section} section @returns {Mark} */
export function markOf(section) {
  const all = counts(section);
  if (!all.length) return "none";
  if (all.every(isDone)) return all.some(({ state }) => state?.helped) ? "helped" : "done";
  return all.some(({ state }) => state && (state.attempts || state.hints || state.seen)) ? "begun" : "open";
}

/** @type {Record<Mark, string>} */
export const MARKS = { none: "to read", open: "not begun", begun: "begun", done: "done", helped: "done with help" };

/** Return how many of the things that a session asks for are done. @param {Lesson} lesson */
export function countOf(lesson) {
  const all = lesson.sections.flatMap(asks), core = all.filter((block) => block.core);
  return { done: all.filter(isDone).length, all: all.length, coreDone: core.filter(isDone).length, core: core.length };
}

/** Return the first thing of the core path that is not done, else the first of all. @param {Lesson} lesson */
export function nextOf(lesson) {
  const left = lesson.sections.flatMap(asks).filter((block) => !isDone(block));
  return left.find((block) => block.core) ?? left[0] ?? null;
}

/**
 * Return the next block of the page, and its section if it is the first of one; null after the last block.
 * @param {Lesson} lesson @param {string} id
 * @returns {{block: Block, section: Section|null}|null}
 */
export function followingOf({ sections }, id) {
  const all = sections.flatMap((section) => section.blocks.map((block, place) => ({ block, section: place ? null : section })));
  return all[all.findIndex(({ block }) => block.id === id) + 1] ?? null;
}

/** @type {Record<string, string>} */
const SHOWN = { text: "read on", cell: "run a program", picture: "watch a run", measure: "a measurement" };

/** Return what follows, for a link to it. @param {NonNullable<ReturnType<typeof followingOf>>} following */
export function nextName({ block, section }) {
  if (section) return `“${section.title}”`;
  const heading = /^<h3>(.*?)<\/h3>/.exec(block.html ?? "")?.[1];
  if (heading) return `“${heading.replace(/<[^>]+>/g, "")}”`;
  return SHOWN[block.kind] ?? nameOf(block);
}

/** What a block is called in the contents and in announcements. @param {Block} block */
export const nameOf = ({ kind, title }) =>
  (kind === "exercise" ? `“${title ?? ""}”` : kind === "predict" ? "a prediction" : "a reflection");

/** Return options in an order that changes from day to day. @template T @param {T[]} options @param {number} day @returns {T[]} */
export const turned = (options, day) => options.map((_, place) => /** @type {T} */ (options[(place + day) % options.length]));

/** The same as in the operation: characters, and different words. */
const LEAST = 40, LEAST_WORDS = 6;
const WORD = /[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|\p{L}+/gu;

/** Return how much is missing until an answer can be compared; "" for nothing. @param {string} text */
export function missingIn(text) {
  const left = LEAST - text.trim().length, words = new Set(text.toLowerCase().match(WORD) ?? []).size;
  if (left > 0) return `${left} more characters, then you can compare.`;
  return words < LEAST_WORDS ? `Write at least ${LEAST_WORDS} different words, then you can compare.` : "";
}

/** Return the id of a block's element. @param {string} id */
export const placeOf = (id) => id.replaceAll(".", "-");

/** Return the id of a section's element, which is no other element's. @param {{id: string}} section */
export const sectionPlace = ({ id }) => `section-${id}`;

/** The names that an import or an assignment at the start of a line binds. */
const BINDS = /^(?:from [\w.]+ import (?:\(([^)]*)\)|([^#\n]+))|import ([^#\n]+)|((?:\w+, *)*\w+)(?: *:[^=\n]+)? *=(?!=))/gm;

/**
 * Return the index of the last cell that defines a name; -1 if none does.
 * @param {string} name
 * @param {readonly string[]} codes  the Python code of each cell
 */
export function definedIn(name, codes) {
  return codes.findLastIndex((code) => [
    ...[...code.matchAll(DEFINED)].map(([, defined]) => defined),
    ...[...code.matchAll(BINDS)].flatMap(([, ...found]) => found.join("").split(",")
      .map((one) => one.replace(/^.*\bas\b/s, "").trim().split(".")[0])),
  ].includes(name));
}

const DEFINED = /^(?:async )?(?:def|class) (\w+)/gm;

/**
 * Return the code with which to go on from earlier code: that code, with the present one below it, unless both define
 * the same.
 *
 * @param {string} earlier
 * @param {string} present
 */
export function goOn(earlier, present) {
  const known = new Set([...earlier.matchAll(DEFINED)].map(([, name]) => name));
  const same = [...present.matchAll(DEFINED)].some(([, name]) => known.has(name));
  return same || !present.trim() ? earlier : `${earlier.trimEnd()}\n\n\n${present}`;
}
