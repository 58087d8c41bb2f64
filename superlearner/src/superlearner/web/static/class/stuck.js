/**
 * The exercise at which most learners are stuck.
 *
 * @module
 */

/**
 * @typedef {Pick<Api.CourseLearner, "stuck">
 *   & {current: Pick<NonNullable<Api.CourseLearner["current"]>, "id"|"title"|"page">|null}} Learner
 */

/**
 * Return the exercise at which most learners are stuck, and how many are; null if no two are stuck at one.
 * @param {readonly Learner[]} learners
 * @returns {{title: string, page: string, count: number}|null}
 */
export function mostStuckAt(learners) {
  /** @type {Map<string, {title: string, page: string, count: number}>} */ const found = new Map();
  for (const { stuck, current } of learners) {
    if (!stuck || !current) continue;
    const { id, title, page } = current;
    found.set(id, { title, page, count: (found.get(id)?.count ?? 0) + 1 });
  }
  return [...found.values()].reduce((most, one) => one.count > (most?.count ?? 1) ? one : most,
    /** @type {{title: string, page: string, count: number}|null} */ (null));
}
