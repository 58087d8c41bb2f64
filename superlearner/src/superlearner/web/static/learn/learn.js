/**
 * The page /learn: the sessions of the course and how far they are, today's review, and the tours.
 *
 * @module
 */

import { ApiError, platform, request } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { attribute, byId, root, write } from "../base/dom.js";
import { counted, duration } from "../base/words.js";
import { nextTour } from "./tour-conditions.js";
import { forget, learned, place, setPlace } from "./tour-place.js";

const lines = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#learn [data-tour]")]);
const tours = lines.map((line) =>
  ({ id: line.dataset.tour ?? "", steps: Number(line.dataset.steps), line, title: line.querySelector("h3")?.textContent ?? "" }));
const reset = byId("learn-forget", HTMLButtonElement);

function show() {
  const done = learned();
  const next = nextTour(tours, done);
  for (const { id, steps, line, title } of tours) {
    const count = Math.min(done[id] ?? 0, steps);
    const go = line.querySelector("a.btn");
    const word = count === steps ? "Again" : count ? "Go on" : "Start";
    attribute(line, "data-done", count === steps);
    attribute(line, "data-begun", count > 0 && count < steps);
    attribute(line, "aria-current", id === next && "step");
    for (const state of line.querySelectorAll("[data-state]"))
      write(state, count === steps ? "done" : count ? `${count} of ${steps} done` : `${steps} steps`);
    for (const text of line.querySelectorAll(".learn-learned")) attribute(text, "hidden", count < steps);
    if (go?.firstElementChild) write(go.firstElementChild, word);
    if (go) attribute(go, "aria-label", `${word}: ${title}`);
    if (id === next && go instanceof HTMLAnchorElement) {
      const link = byId("learn-next-go", HTMLAnchorElement);
      link.href = go.href;
      write(link, `${word}: ${title}`);
      write(byId("learn-next-what", HTMLElement), `${tours.filter((one) =>
        (done[one.id] ?? 0) >= one.steps).length} of ${tours.length} tours done`);
    }
  }
  attribute(byId("learn-next", HTMLElement), "data-waits", null);
  attribute(byId("learn-next", HTMLElement), "hidden", next === null);
  reset.hidden = !Object.keys(done).length;
}

reset.onclick = async () => {
  if (!(await confirm("Reset the tours?", "All ticks in this browser are removed. Nothing changes on the platform.", "Reset"))) return;
  forget();
  if (place()) setPlace(null);
  document.querySelector("sl-tour")?.remove();
  show();
};

addEventListener("storage", show);
addEventListener("pageshow", show);
show();

void showSessions();
void showNext();
void showReview();

/** Show how far each session of the course is. */
async function showSessions() {
  try {
    /** @type {{number: number, title: string, exercises: number, passed: number, state: string}[]} */
    const sessions = await platform("GET", "/course/sessions");
    for (const { number, title, exercises, passed, state } of sessions) {
      const line = document.querySelector(`[data-session="${number}"]`), go = line?.querySelector("a.btn");
      const done = state.startsWith("passed");
      if (!line || !go) continue;
      const word = done ? "Again" : state === "in work" ? "Go on" : "Start";
      attribute(line, "data-done", done);
      attribute(line, "data-begun", state === "in work");
      for (const of of line.querySelectorAll("[data-state]"))
        write(of, passed ? `${passed} of ${counted(exercises, "exercise")}` : counted(exercises, "exercise"));
      if (go.firstElementChild) write(go.firstElementChild, word);
      attribute(go, "aria-label", `${word}: Session ${number}, ${title}`);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Lead to the place where the learner was. */
async function showNext() {
  const next = byId("course-next", HTMLElement), go = byId("course-next-go", HTMLAnchorElement);
  try {
    /** @type {{session: number|null, title: string|null, page: string|null, begun: boolean}} */
    const { session, title, page, begun } = await platform("GET", "/course/next");
    if (session !== null && page !== null) {
      const name = document.querySelector(`[data-session="${session}"] h3`)?.lastChild?.textContent ?? "";
      document.querySelector(`[data-session="${session}"]`)?.setAttribute("aria-current", "step");
      const minutes = document.querySelector(`[data-session="${session}"] .learn-state span`)?.textContent ?? "";
      write(byId("course-next-what", HTMLElement), begun ? `Session ${session}: ${name}` : `Session ${session}, ${minutes}`);
      write(go, begun ? `Continue${title ? `: ${title}` : " where you were"}` : `Start: ${name}`);
      go.href = `${root()}${begun ? page : `/learn/${session}`}`;
    }
    attribute(next, "hidden", session === null);
    attribute(next, "data-waits", null);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Show what is due today. */
async function showReview() {
  const state = byId("review-state", HTMLElement), go = byId("review-go", HTMLAnchorElement);
  try {
    const { due, next_at } = /** @type {import("../lesson/reviewing.js").Review} */ (await platform("GET", "/course/review")),
      [first] = due;
    if (first) {
      write(state, `${counted(due.length, "question")} due today`);
      go.href = `${root()}${first.page}`;
      attribute(go, "data-waits", null);
    } else write(state, next_at === null ? "Nothing to review yet." : `Nothing due. Next in ${duration(next_at - Date.now() / 1000)}.`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    write(state, error.code === "store_unavailable" ? "Needs the database." : error.message);
  }
}

try {
  /** @type {Api.LearningPart[]} */ const parts = (await request("GET", "/learning/tours")) ?? [];
  byId("learn-needs", HTMLElement).hidden = parts.some((part) => part.tours.some((tour) => tour.here));
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
}
