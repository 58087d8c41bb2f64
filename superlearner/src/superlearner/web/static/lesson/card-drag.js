/**
 * A card that is dragged to a place with a mouse, a pen or a finger, and then returns to its own.
 *
 * @module
 */

/** Pixels that a pointer moves at least before a card goes with it. */
const LEAST = 4;

/**
 * Let a card be dragged. The place below the pointer has `data-over` meanwhile: "before" or "after" its middle.
 * @template {Element} E
 * @param {HTMLElement} card
 * @param {(below: Element) => E|null|undefined} placeOf  the place that an element of the page belongs to
 * @param {(place: E) => void} drop
 */
export function letDrag(card, placeOf, drop) {
  card.onpointerdown = (down) => drag(down, card, placeOf, drop);
}

/**
 * Drag a card on which the pointer is pressed, once it has moved; less is a click.
 * @template {Element} E
 * @param {PointerEvent} down
 * @param {HTMLElement} card
 * @param {(below: Element, y: number) => E|null|undefined} placeOf  `y`: where the pointer is
 * @param {(place: E, after: boolean, dx: number) => void} drop  `dx`: px that the card was moved to the right
 */
export function drag(down, card, placeOf, drop) {
  if (down.button !== 0 || !down.isPrimary) return;
  down.preventDefault();
  card.setPointerCapture(down.pointerId);
  /** @type {E|null} */ let over = null;
  let after = false, dx = 0;
  const end = () => {
    card.onpointermove = card.onpointerup = card.onlostpointercapture = null;
    card.style.translate = document.body.style.userSelect = "";
    card.removeAttribute("data-dragged");
    over?.removeAttribute("data-over");
  };
  card.onpointermove = (move) => {
    if (!card.hasAttribute("data-dragged") && Math.hypot(move.clientX - down.clientX, move.clientY - down.clientY) < LEAST) return;
    card.toggleAttribute("data-dragged", true);
    document.body.style.userSelect = "none"; // the texts that the pointer crosses
    dx = move.clientX - down.clientX;
    card.style.translate = `${dx}px ${move.clientY - down.clientY}px`;
    const below = document.elementFromPoint(move.clientX, move.clientY), place = (below && placeOf(below, move.clientY)) ?? null;
    if (place !== over) over?.removeAttribute("data-over");
    over = place;
    if (!place) return;
    const { top, height } = place.getBoundingClientRect();
    after = move.clientY > top + height / 2;
    place.setAttribute("data-over", after ? "after" : "before");
  };
  card.onpointerup = () => {
    if (card.hasAttribute("data-dragged")) leaveOutClick(card);
    end();
    if (over) drop(over, after, dx);
  };
  card.onlostpointercapture = end; // also after the platform cancels the pointer
}

/** Leave out the click that follows the end of a drag: by then something else may be in this element. @param {HTMLElement} card */
function leaveOutClick(card) {
  const stop = (/** @type {Event} */ event) => event.stopImmediatePropagation();
  card.addEventListener("click", stop, { capture: true });
  setTimeout(() => card.removeEventListener("click", stop, { capture: true }));
}
