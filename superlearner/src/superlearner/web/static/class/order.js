/**
 * The order of the learners of a class, by a column of their table. Pure.
 *
 * @module
 */

/**
 * @typedef {Pick<Api.CourseLearner, "shown"|"at"|"stuck"|"session">
 *   & {current: Pick<NonNullable<Api.CourseLearner["current"]>, "session">|null,
 *      sessions: Pick<Api.CourseLearner["sessions"][number], "number"|"done"|"parts">[]}} Learner
 */

const NAMES = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/**
 * Compare two people by their surnames, taken to be the last word of a name unless it has a digit, as in `Pupil 12`.
 * @param {string} one
 * @param {string} other
 */
export const bySurname = (one, other) => NAMES.compare(surname(one), surname(other)) || NAMES.compare(one, other);

/** @param {string} name */
const surname = (name) => /[^\s\d]+$/.exec(name.trim())?.[0] ?? name;

/** The value of a learner in each column but the name. @type {Readonly<Record<string, (one: Learner) => number>>} */
const VALUES = {
  at: ({ at }) => at ?? 0,
  stuck: ({ stuck }) => Number(stuck),
  progress: (one) => {
    const session = sessionOf(one);
    return session ? session.number + session.done / (session.parts + 1) : 0;
  },
};

/**
 * Return the session that a row shows: the one in which a learner is stuck, else the one opened or worked in last.
 * @template {Learner} L
 * @param {L} learner
 * @returns {L["sessions"][number]|undefined}
 */
export const sessionOf = ({ stuck, current, session, sessions }) =>
  sessions.find(({ number }) => number === (stuck ? current?.session : session));

/**
 * Return learners by a column; equal ones, and those of an unknown column, by surname. Those who never came are last.
 * @template {Learner} L
 * @param {readonly L[]} learners
 * @param {string} column  `name`, `at`, `stuck` or `progress`
 * @param {boolean} descending
 * @returns {L[]}
 */
export function inOrder(learners, column, descending) {
  const value = VALUES[column], sign = descending ? -1 : 1;
  return learners.toSorted((one, other) => Number(one.at === null) - Number(other.at === null) || (value
    ? sign * (value(one) - value(other)) || bySurname(one.shown, other.shown)
    : sign * bySurname(one.shown, other.shown)));
}
