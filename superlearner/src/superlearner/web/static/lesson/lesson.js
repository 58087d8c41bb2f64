/**
 * The page of a session: its sections and blocks, what is done, and where the learner was.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { attribute, byId, icon, make, write } from "../base/dom.js";
import { counted } from "../base/words.js";
import { shortcuts } from "../shell/keys.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { LessonCell } from "./cell.js";
import { LessonExercise, loadForms } from "./exercise.js";
import { LessonBlock } from "./lesson-block.js";
import {
  asks, countOf, counts, followingOf, isDone, markOf, MARKS, nameOf, nextName, nextOf, placeOf, sectionPlace,
} from "./lesson-model.js";
import { written } from "./lesson-text.js";
import { following, learnMissed, showEnd, showPageEnd } from "./lesson-end.js";
import { LessonMeasure } from "./measure.js";
import { LessonPredict, LessonReflect } from "./questions.js";
import { follow, goTo, goToSection } from "./reading-place.js";
import { markReview } from "./reviewing.js";
import { picture } from "./shown.js";

/** @import { Block, Lesson, Section } from "./lesson-model.js" */

const page = byId("lesson", HTMLElement);
const read = byId("read", HTMLElement);
const place = byId("sections-read", HTMLElement);
const contents = byId("contents", HTMLDetailsElement);
const AGAIN_MS = 1000, MOST_TRIES = 5;
const LETTERS_MS = 1000;
let tries = 0;
/** @type {Lesson|null} */ let lesson = null;
let current = "";

/** @param {Block} block @returns {HTMLElement} */
function made(block) {
  switch (block.kind) {
    case "predict": return new LessonPredict(block);
    case "reflect": return new LessonReflect(block);
    case "exercise": return new LessonExercise(block);
    case "cell": return new LessonCell(block);
    case "picture": return picture(block);
    case "measure": return new LessonMeasure(block);
    default: return written(block.html ?? "");
  }
}

/** @param {Section} section */
const sectionOf = (section) =>
  make("section", { class: "lesson-section", id: sectionPlace(section), "aria-labelledby": `${sectionPlace(section)}-title` },
    make("h2", { id: `${sectionPlace(section)}-title`, tabindex: -1 }, section.title), ...section.blocks.map(made));

function paintRail() {
  if (!lesson) return;
  const { done, all, coreDone, core } = countOf(lesson), share = all ? Math.round((100 * done) / all) : 0;
  const bar = byId("lesson-bar", HTMLElement), fill = bar.firstElementChild;
  attribute(bar, "aria-valuenow", share);
  attribute(bar, "aria-valuetext", `${done} of ${all} done`);
  if (fill instanceof HTMLElement) fill.style.width = `${share}%`;
  write(byId("lesson-count", HTMLElement), core ? `${done} of ${all} done, core ${coreDone} of ${core}` : `${done} of ${all} done`);
  write(byId("contents-done", HTMLElement), `${done} of ${all} done`);
  render(html`<ol>${lesson.sections.map(entry)}</ol>`, byId("sections", HTMLElement));
}

/** @param {Section} section */
function entry(section) {
  const mark = markOf(section), id = sectionPlace(section), all = counts(section), done = all.filter(isDone).length;
  return html`<li><a href="#${id}" data-mark=${mark} aria-current=${id === current ? "true" : nothing}
    @click=${(/** @type {MouseEvent} */ event) => went(event, id)}>
    <i aria-hidden="true">${mark === "done" || mark === "helped"
      ? icon("check", "glyph")
      : nothing}</i><span class="name">${section.title}</span>
    <span class="of">${section.core ? html`<b class="core">core</b>` : nothing}${all.length
      ? html`<span aria-hidden="true">${done}/${all.length}</span>`
      : nothing}<span class="vh">, ${MARKS[mark]}</span></span></a></li>`;
}

/** @param {MouseEvent} event @param {string} id */
function went(event, id) {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (narrow.matches) contents.open = false;
  history.replaceState(null, "", `#${id}`);
  goTo(id);
  byId(`${id}-title`, HTMLElement).focus({ preventScroll: true });
}

function paintFacts() {
  if (!lesson) return;
  const next = nextOf(lesson), begun = lesson.sections.flatMap(asks).some(({ state }) => state && (state.attempts || state.hints));
  const { core, coreDone, all } = countOf(lesson), reflections = all - lesson.exercises - lesson.predictions;
  const first = lesson.sections[0];
  const done = core && coreDone === core, go = done ? following() : nothing;
  render(
    html`<span>${lesson.minutes} min for the core path</span><span>${
      counted(lesson.exercises, "exercise")
    }</span><span>${counted(lesson.predictions, "prediction")}</span>${reflections > 0
      ? html`<span>${counted(reflections, "reflection")}</span>`
      : nothing}
      ${!begun && first ? html`<a href="#${sectionPlace(first)}"
        @click=${(/** @type {MouseEvent} */ event) => went(event, sectionPlace(first))}>Begin with “${first.title}”</a>`
        : go !== nothing ? html`<b>Core path done</b>${go}`
        : next?.id ? html`<a href="#${placeOf(next.id)}"
          @click=${(/** @type {MouseEvent} */ event) => {
            event.preventDefault();
            goTo(placeOf(next.id ?? ""));
          }}>${done ? "Practise" : "Go on with"} ${nameOf(next)}</a>`
        : all || core ? html`<b>All done</b>`
        : nothing}`,
      byId("facts", HTMLElement));
}

/** Where the core path ends. */
const atEnd = make("aside", { class: "block lesson-end", id: "lesson-end", tabindex: -1, "aria-label": "After the core path" });

/** The end of the page, if practice stands between it and the end of the core path. */
const pageEnd = make("aside", { class: "block lesson-end page-end", "aria-label": "The end of the session" });

function refreshEnd() {
  if (!lesson) return;
  const shown = lesson;
  showPageEnd(pageEnd, shown);
  showEnd(atEnd, shown);
  void learnMissed(shown).then(() => showEnd(atEnd, shown));
}

/** What a learner gets from the session, and what it builds on. @param {Lesson} lesson */
const about = (lesson) => make("div", { class: "lesson-about" },
  lesson.goals.length
    ? make("div", {}, make("h2", {}, "After it you can"), make("ul", {}, ...lesson.goals.map((goal) => make("li", {}, goal))))
    : null,
  lesson.sources.length
    ? make("div", {}, make("h2", {}, "Sources"),
      make("ul", {}, ...lesson.sources.map(({ title, url }) => make("li", {}, make("a", { href: url, rel: "noreferrer" }, title)))))
    : null);

/** Wait for the letters of text and code, but not for long: text that changes its letters moves what is below it. */
const letters = () => Promise.race([
  Promise.all(["Inter SL", "JetBrains Mono SL"].map((family) => document.fonts.load(`16px "${family}"`))),
  new Promise((done) => setTimeout(done, LETTERS_MS)),
]);

async function load() {
  attribute(page, "aria-busy", "true");
  try {
    lesson = /** @type {Lesson} */ (await platform("GET", `/course/sessions/${page.dataset.number}`));
    await loadForms(lesson.sections.flatMap(({ blocks }) => blocks));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const again = make("button", { type: "button", class: "btn primary" }, "Try again");
    again.onclick = () => void load();
    // At first it is being opened
    if (error.code === "store_unavailable" && (tries += 1) < MOST_TRIES) setTimeout(() => again.isConnected && again.click(), AGAIN_MS);
    return place.replaceChildren(
      make("div", { class: "void", role: "alert" }, make("h2", {}, "The session could not be loaded"), make("p", {}, error.words), again));
  } finally {
    attribute(page, "aria-busy", null);
  }
  markReview(lesson);
  await letters();
  byId("facts", HTMLElement).replaceChildren();
  const sections = lesson.sections.map(sectionOf);
  place.replaceChildren(about(lesson), ...sections);
  sections[lesson.sections.findLastIndex((section) => section.core)]?.append(atEnd);
  showEnd(atEnd, lesson);
  if (!lesson.sections.at(-1)?.core) {
    place.append(pageEnd);
    showPageEnd(pageEnd, lesson);
  }
  paintRail();
  paintFacts();
  follow(read, lesson.sections.map(sectionPlace), (section) => {
    current = section;
    paintRail();
  });
}

const narrow = matchMedia("(max-width: 900px)");
const unfold = () => (contents.open = !narrow.matches);
narrow.addEventListener("change", unfold);
unfold();
LessonBlock.following = (id) => {
  const next = lesson && followingOf(lesson, id);
  return next ? nextName(next) : "";
};
page.addEventListener("lesson-changed", () => {
  paintRail();
  paintFacts();
  refreshEnd();
});
/** @param {number} by */
const step = (by) => () => lesson && goToSection(lesson.sections.map(sectionPlace), current, by);
shortcuts([
  { keys: ["["], text: "previous section", run: step(-1) },
  { keys: ["]"], text: "next section", run: step(1) },
  { keys: ["Ctrl Enter"], text: "check the answer that you write" },
]);
void load();
