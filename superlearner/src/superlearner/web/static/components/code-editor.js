/**
 * `<sl-code>`: an editor for Python. At first a coloured text field; CodeMirror is loaded when it is pointed at
 * or edited, and takes over its text. It lives in a shadow root, where its style sheets are exempt from the page's
 * content policy.
 *
 * @module
 */

import { attribute, make, write } from "../base/dom.js";

/** @import { EditorView as View, InputHandler } from "../vendor/codemirror.js" */
/** @typedef {typeof import("../vendor/codemirror.js")} CodeMirror */

/** A shadow at each edge beyond which there is more code; at the end, the background of the code covers it. */
const EDGES = [["left", "100% 0", "WIDE 100%"], ["top", "0 100%", "100% WIDE"], ["bottom", "0 0", "100% WIDE"]];
const MORE = [
  ...EDGES.map(([to, at, size]) =>
    `linear-gradient(to ${to}, var(--raise) 40%, transparent) ${at} / ${size?.replace("WIDE", "40px")} no-repeat local`),
  ...EDGES.map(([to, at, size]) =>
    `linear-gradient(to ${to}, var(--more), transparent) ${at} / ${size?.replace("WIDE", "12px")} no-repeat scroll`),
].join(", ");

const FRAME = `
  :host { display: grid; grid-template-rows: minmax(0, 1fr) auto; min-height: 0; }
  .frame { display: grid; min-height: 0; overflow: hidden; border: 1px solid var(--line); border-radius: var(--radius);
    background: var(--raise); --more: light-dark(rgb(0 0 0 / 0.18), rgb(255 255 255 / 0.16)); }
  .frame:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
  :host([data-wrong]) .frame { border-color: var(--crash); }
  .plain { display: grid; grid-template-columns: 62px minmax(0, 1fr); min-height: 0; overflow: hidden; }
  .plain > * { font: 13px/1.55 var(--mono); font-variant-ligatures: none; }
  .numbers { margin: 0; padding: 8px 32px 8px 0; overflow: hidden; color: var(--ink3); text-align: right; user-select: none; }
  .plain > :is(textarea, .paint) { grid-area: 1 / 2; min-width: 0; }
  .paint { margin: 0; padding: 8px 12px 8px 0; overflow: hidden; white-space: pre; tab-size: 4; color: var(--ink);
    pointer-events: none; & .k { color: var(--accent); } & .s { color: var(--run); } & .n { color: var(--restart); }
    & .c { color: var(--ink3); font-style: italic; } & .d { font-weight: 600; } & .m { color: light-dark(#7a2f86, #dca0e6); } }
  textarea { -webkit-text-fill-color: transparent; caret-color: var(--ink); min-height: 12em; padding: 8px 12px 8px 0; border: 0;
    outline: 0; resize: none; color: var(--ink); background: ${MORE};
    scrollbar-width: thin; tab-size: 4; white-space: pre; }
  .cm { display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr); min-height: 0; overflow: hidden; }
  p { margin: 4px 0 0; font: 12.5px/1.45 var(--sans); color: var(--ink2); }
  kbd { font: 12px var(--mono); }
  @media (forced-colors: active) { .paint { visibility: hidden; } textarea { -webkit-text-fill-color: currentcolor; } }
  @media (pointer: coarse) { .plain > *, .cm-content { font-size: 16px !important; } .for-keys { display: none; } }
  @media (max-width: 600px) { .for-keys { display: none; } }
  :host(:not(:focus-within)) .for-keys { visibility: hidden; }
`;

/** Comments, texts, decorators, definitions, words and numbers of Python. */
const TOKENS =
  /(?<c>#.*)|(?<s>\b[rbfRBF]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|"""[^]*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|(?<m>@)|(?<d>(?<=\b(?:def|class)\s+)\w+)|(?<k>\b(?:False|None|True|and|as|assert|async|await|break|case|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|match|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b)|(?<n>\b\d[\w.]*)/g;

/**
 * Return Python with its tokens coloured: listings, and editors as long as CodeMirror has not been loaded.
 * @param {string} text
 * @returns {(Node|string)[]}
 */
export function painted(text) {
  /** @type {(Node|string)[]} */ const parts = [];
  let at = 0;
  for (const found of text.matchAll(TOKENS)) {
    const look = Object.entries(found.groups ?? {}).find(([, part]) => part !== undefined)?.[0] ?? "";
    parts.push(text.slice(at, found.index), make("span", { class: look }, found[0]));
    at = found.index + found[0].length;
  }
  return [...parts, text.slice(at)];
}

/** Return the editor's style, with our tokens, which follow the theme. @param {CodeMirror} cm */
function look(cm) {
  return cm.EditorView.theme({
    "&": { minHeight: "0", color: "var(--ink)", backgroundColor: "transparent", fontSize: "13px" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", fontVariantLigatures: "none", lineHeight: "1.55", scrollbarWidth: "thin",
      background: MORE },
    ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
    ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, ::selection": { backgroundColor:
      "var(--accent-bg)" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--ink3)", border: "0" },
    ".cm-lineNumbers .cm-gutterElement": { padding: "0 10px 0 12px", minWidth: "calc(22px + 2ch)" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 6%, transparent)" },
    ".cm-activeLineGutter": { color: "var(--ink)" },
    ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-bg)", outline: "1px solid var(--accent)" },
    ".cm-selectionMatch": { backgroundColor: "var(--restart-bg)" },
    ".cm-lint-marker-error": {
      content: "none", width: "0", height: "0", borderInline: "5px solid transparent", borderBottom: "9px solid var(--crash)",
      marginTop: "5px",
    },
    ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--crash) 1.5px", textUnderlineOffset: "3px" },
    ".cm-tooltip, .cm-panels": { color: "var(--ink)", backgroundColor: "var(--panel)", border: "1px solid var(--line)" },
    ".cm-diagnostic-error": { borderLeft: "3px solid var(--crash)", font: "13px var(--sans)" },
    ".cm-panel input, .cm-panel button": {
      font: "13px var(--sans)", color: "var(--ink)", background: "var(--raise)", border: "1px solid var(--line)", borderRadius: "4px",
    },
  });
}

/** @param {CodeMirror} cm */
function colours(cm) {
  const t = cm.tags;
  return cm.syntaxHighlighting(cm.HighlightStyle.define([
    { tag: [t["keyword"], t["operatorKeyword"], t["bool"], t["null"]], color: "var(--accent)" },
    { tag: t["string"], color: "var(--run)" },
    { tag: t["comment"], color: "var(--ink3)", fontStyle: "italic" },
    { tag: t["number"], color: "var(--restart)" },
    { tag: [t.definition(t["className"]), t.function(t.definition(t["variableName"]))], fontWeight: "600" },
    { tag: [t["meta"], t["self"]], color: "light-dark(#7a2f86, #dca0e6)" },
  ]));
}

/**
 * Return the current selection. Browsers report selections asynchronously, so the editor does not know one yet that a
 * program or assistive tool has just made and types over.
 * @param {View} view
 */
function selected(view) {
  const { main } = view.state.selection;
  const seen = main.from === main.to ? view.root.getSelection?.() : null;
  if (!seen?.anchorNode || !seen.focusNode || seen.isCollapsed) return main;
  const ends = [view.posAtDOM(seen.anchorNode, seen.anchorOffset), view.posAtDOM(seen.focusNode, seen.focusOffset)];
  return { from: Math.min(...ends), to: Math.max(...ends) };
}

/**
 * Type over a selection. The browser would copy the style of the deleted text into a style attribute, which the
 * page's content policy refuses.
 * @param {Event} event
 * @param {View} view
 * @param {readonly InputHandler[]} handlers  other handlers, for brackets, for example
 */
function overSelection(event, view, handlers) {
  if (!(event instanceof InputEvent) || event.isComposing || event.inputType !== "insertText" || event.data === null) return false;
  if (view.state.readOnly || view.state.selection.ranges.length > 1) return false;
  const { from, to } = selected(view);
  if (from === to) return false;
  view.dispatch({ selection: { anchor: from, head: to } });
  const text = event.data;
  const insert = () => view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
  event.preventDefault();
  if (!handlers.some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert());
  return true;
}

export class SlCode extends HTMLElement {
  /** @type {CodeMirror|null} */ #cm = null;
  /** @type {View|null} */ #view = null;
  /** @type {InstanceType<CodeMirror["Compartment"]>|null} */ #fixed = null;
  #plain = make("textarea", { spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-describedby": "leaving" });
  #numbers = make("pre", { class: "numbers", "aria-hidden": "true" });
  #paint = make("pre", { class: "paint", "aria-hidden": "true" });
  #frame = make("div", { class: "frame" }, make("div", { class: "plain" }, this.#numbers, this.#plain, this.#paint));
  #begun = false;
  #silent = false;
  #locked = false;
  #composing = false;
  /** A mark that waits for CodeMirror. @type {[line: number, column: number, message: string, go: boolean]|null} */ #waiting = null;

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open", delegatesFocus: true });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(FRAME);
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(this.#frame,
      make("p", { id: "leaving", class: "for-keys" }, make("kbd", {}, "Tab"), " indents. To leave the editor press ",
        make("kbd", {}, "Escape"), ", then ", make("kbd", {}, "Tab"), "."));
    this.#plain.oninput = () => {
      this.#count();
      this.#changed();
    };
    this.#plain.addEventListener("compositionstart", () => (this.#composing = true));
    this.#plain.addEventListener("compositionend", () => (this.#composing = false));
    this.#plain.onscroll = () => this.#follow();
    // The browser's event would reach the page before CodeMirror has read the input; setting or removing a mark
    // then would redraw the old text. #changed sends one afterwards.
    shadow.addEventListener("input", (event) => event.stopPropagation());
  }

  connectedCallback() {
    this.#count();
    attribute(this.#plain, "aria-label", this.getAttribute("label") ?? "Python source");
    for (const sign of ["pointerenter", "focusin"]) this.addEventListener(sign, () => this.#begin());
    if (this.matches(":hover")) this.#begin(); // the pointer came before this module
  }

  /** The text. */
  get value() {
    return this.#view ? this.#view.state.doc.toString() : this.#plain.value;
  }

  set value(text) {
    if (text === this.value) return;
    this.#silent = true;
    if (this.#view) this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
    else {
      this.#plain.value = text;
      this.#count();
    }
    this.#silent = false;
    this.unmark();
  }

  /** Make it read-only or editable. @param {boolean} locked */
  lock(locked) {
    this.#locked = locked;
    this.#plain.readOnly = locked;
    if (this.#cm && this.#view && this.#fixed)
      this.#view.dispatch({ effects: this.#fixed.reconfigure(this.#cm.EditorState.readOnly.of(locked)) });
  }

  /**
   * Mark an error found by Python.
   * @param {number} line  starting at 1
   * @param {number} column  starting at 1
   * @param {string} message
   * @param {boolean} [go]  moves the cursor there; not while the user is typing
   */
  mark(line, column, message, go = true) {
    attribute(this, "data-wrong", true);
    attribute(this.#plain, "aria-invalid", "true");
    this.#begin();
    if (!this.#cm || !this.#view) {
      const before = this.#plain.value.split("\n").slice(0, line - 1).join("\n").length;
      if (go) this.#plain.setSelectionRange(before + column, before + column);
      this.#waiting = [line, column, message, go];
      return;
    }
    const { doc } = this.#view.state;
    const { from, to } = doc.line(Math.min(Math.max(line, 1), doc.lines));
    const indent = (this.value.split("\n")[line - 1] ?? "").search(/\S/); // the indentation is not marked
    const at = Math.min(from + Math.max(column - 1, indent, 0), to);
    const whole = at === to ? from : at;
    this.#view.dispatch(this.#cm.setDiagnostics(this.#view.state, [{ from: whole, to, severity: "error", message }]));
    if (go) this.#view.dispatch({ effects: this.#cm.EditorView.scrollIntoView(from, { y: "center" }), selection: { anchor: at } });
  }

  /** Scroll a line into view. The cursor stays. @param {number} line  starting at 1 */
  reveal(line) {
    if (!this.#cm || !this.#view) {
      const height = this.#plain.scrollHeight / Math.max(1, this.#plain.value.split("\n").length);
      this.#plain.scrollTop = Math.max(0, (line - 1) * height - this.#plain.clientHeight / 2);
      return;
    }
    const { doc } = this.#view.state, scroller = this.#view.scrollDOM; // scrolls the editor, not the page
    const { top } = this.#view.lineBlockAt(doc.line(Math.min(Math.max(line, 1), doc.lines)).from);
    scroller.scrollTop = top - scroller.clientHeight / 2;
  }

  /** Remove the marks. */
  unmark() {
    this.#waiting = null;
    attribute(this, "data-wrong", null);
    attribute(this.#plain, "aria-invalid", null);
    if (this.#cm && this.#view) this.#view.dispatch(this.#cm.setDiagnostics(this.#view.state, []));
  }

  /** @override @param {FocusOptions} [options] */
  focus(options) {
    if (this.#view) this.#view.focus();
    else this.#plain.focus(options);
  }

  /** Switch to the full editor. */
  #begin() {
    if (this.#begun) return;
    this.#begun = true;
    void this.#load();
  }

  /** Update the line numbers of the plain field. */
  #count() {
    const lines = this.#plain.value.split("\n").length;
    write(this.#numbers, Array.from({ length: lines }, (_, place) => place + 1).join("\n"));
    this.#paint.replaceChildren(...painted(this.#plain.value), "\n");
    this.#follow();
  }

  /** Scroll numbers and colours with the plain field. */
  #follow() {
    this.#numbers.scrollTop = this.#paint.scrollTop = this.#plain.scrollTop;
    this.#paint.scrollLeft = this.#plain.scrollLeft;
  }

  #changed() {
    if (!this.#silent) this.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async #load() {
    let cm;
    try {
      cm = /** @type {CodeMirror} */ (await import("../vendor/codemirror.js"));
    } catch {
      attribute(this, "data-ready", "plain"); // the text field stays; it only lacks colours
      return;
    }
    // A composition by an input method has begun in the plain field and must end there.
    if (this.#composing) await new Promise((done) => this.#plain.addEventListener("compositionend", done, { once: true }));
    const had = this.#plain.matches(":focus");
    const { selectionStart: from, selectionEnd: to, selectionDirection: way, scrollTop } = this.#plain;
    this.#cm = cm;
    this.#fixed = new cm.Compartment();
    const parent = make("div", { class: "cm" });
    const extensions = [
      cm.lineNumbers(), cm.highlightActiveLineGutter(), cm.lintGutter(), cm.highlightSpecialChars(), cm.history(), cm.drawSelection(),
      cm.dropCursor(),
      cm.EditorState.allowMultipleSelections.of(true), cm.indentOnInput(), cm.bracketMatching(), cm.closeBrackets(),
      cm.rectangularSelection(),
      cm.highlightActiveLine(), cm.highlightSelectionMatches(), cm.indentUnit.of("    "), cm.EditorState.tabSize.of(4), cm.python(),
      cm.keymap.of([
        ...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.lintKeymap, cm.indentWithTab,
      ]),
      cm.EditorView.contentAttributes.of({
        "aria-label": this.getAttribute("label") ?? "Python source", "aria-describedby": "leaving", tabindex: "0",
      }),
      cm.EditorView.domEventHandlers({
        beforeinput: (event, view) => overSelection(event, view, view.state.facet(cm.EditorView.inputHandler)),
      }),
      cm.EditorView.updateListener.of((update) => update.docChanged && this.#changed()),
      this.#fixed.of(cm.EditorState.readOnly.of(this.#locked)), look(cm), colours(cm),
    ];
    // Restore the selection, not only the cursor: the next key or paste must replace it.
    const selection = way === "backward" ? { anchor: to, head: from } : { anchor: from, head: to };
    const state = cm.EditorState.create({ doc: this.#plain.value, selection, extensions });
    this.#frame.replaceChildren(parent);
    this.#view = new cm.EditorView({ state, parent, root: /** @type {ShadowRoot} */ (this.shadowRoot) });
    this.#view.scrollDOM.scrollTop = scrollTop;
    if (had) this.#view.focus();
    if (this.#waiting) this.mark(...this.#waiting);
    attribute(this, "data-ready", "editor");
  }
}

customElements.define("sl-code", SlCode);
