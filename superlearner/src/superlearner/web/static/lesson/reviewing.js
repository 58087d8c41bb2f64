/**
 * A review: one block of a session is answered once more; then the next one that is due.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { make, root } from "../base/dom.js";

/** @import { Lesson } from "./lesson-model.js" */
/** @typedef {Api.CourseReview} Review */

const DAY_MS = 86_400_000;

/** Return the number of the day. */
export const today = () => Math.floor(Date.now() / DAY_MS);

/** Mark the block that the address asks to review. @param {Lesson} lesson */
export function markReview(lesson) {
  const id = new URLSearchParams(location.search).get("review");
  const block = lesson.sections.flatMap(({ blocks }) => blocks).find((one) => one.id === id && one.state?.attempts);
  if (block) block.review = true;
}

/** @type {Map<string, HTMLElement>} */ const ends = new Map();

/** Return what follows a block that was reviewed; it stays the same element. @param {string} id */
export function reviewed(id) {
  const known = ends.get(id);
  if (known) return known;
  const end = make("p", { class: "reviewed", role: "status" }, "\u00a0");
  ends.set(id, end);
  void follow(end);
  return end;
}

/** @param {HTMLElement} end */
async function follow(end) {
  const back = make("a", { href: `${root()}/learn#review` }, "Back to Learn");
  try {
    const { due } = /** @type {Review} */ (await platform("GET", "/course/review")), [next] = due;
    if (next)
      end.replaceChildren(make("a", { class: "btn primary", href: `${root()}${next.page}` }, "Next in your review"),
        make("span", { class: "hint" }, `From “${next.topic}”. ${due.length} left.`));
    else end.replaceChildren("Your review is done for now. ", back);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    end.replaceChildren(back);
  }
}
