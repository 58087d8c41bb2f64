// What code-editor.js uses of the vendored CodeMirror: extensions are opaque, the view has what we call.
export type Extension = readonly Extension[] | object;
export interface Text { readonly length: number; readonly lines: number; line(number: number): { from: number; to: number }; toString(): string }
export type InputHandler = (view: EditorView, from: number, to: number, text: string, insert: () => object) => boolean;
export class EditorState {
  readonly doc: Text;
  readonly readOnly: boolean;
  readonly selection: { readonly main: { readonly from: number; readonly to: number }; readonly ranges: readonly object[] };
  facet(facet: { of(handler: InputHandler): Extension }): readonly InputHandler[];
  replaceSelection(text: string): object;
  update(...changes: object[]): object;
  static create(config: { doc: string; selection: { anchor: number; head: number }; extensions: Extension }): EditorState;
  static allowMultipleSelections: { of(value: boolean): Extension };
  static readOnly: { of(value: boolean): Extension };
  static tabSize: { of(value: number): Extension };
}
export class EditorView {
  constructor(config: { state: EditorState; parent: Node; root: ShadowRoot });
  readonly state: EditorState;
  readonly dom: HTMLElement;
  readonly root: { getSelection?(): Selection | null };
  readonly scrollDOM: HTMLElement;
  lineBlockAt(pos: number): {readonly top: number};
  dispatch(...changes: object[]): void;
  focus(): void;
  posAtDOM(node: Node, offset: number): number;
  destroy(): void;
  static theme(rules: Record<string, Record<string, string>>): Extension;
  static scrollIntoView(position: number, options?: { y: "center" }): object;
  static domEventHandlers(handlers: Record<string, (event: Event, view: EditorView) => boolean>): Extension;
  static inputHandler: { of(handler: InputHandler): Extension };
  static lineWrapping: Extension;
  static contentAttributes: { of(attributes: Record<string, string>): Extension };
  static updateListener: { of(hear: (update: { docChanged: boolean }) => void): Extension };
}
export class Compartment { of(extension: Extension): Extension; reconfigure(extension: Extension): object }
export class HighlightStyle { static define(rules: { tag: unknown; [style: string]: unknown }[]): HighlightStyle }
export interface Diagnostic { from: number; to: number; severity: "error"; message: string }
type Keys = readonly object[];
export const keymap: { of(keys: Keys): Extension };
export const defaultKeymap: Keys, historyKeymap: Keys, lintKeymap: Keys, searchKeymap: Keys, closeBracketsKeymap: Keys;
export const indentWithTab: object;
export const indentUnit: { of(unit: string): Extension };
export const tags: Record<string, unknown> & { function(tag: unknown): unknown; definition(tag: unknown): unknown };
export function bracketMatching(): Extension;
export function closeBrackets(): Extension;
export function drawSelection(): Extension;
export function dropCursor(): Extension;
export function highlightActiveLine(): Extension;
export function highlightActiveLineGutter(): Extension;
export function highlightSelectionMatches(): Extension;
export function highlightSpecialChars(): Extension;
export function history(): Extension;
export function indentOnInput(): Extension;
export function lineNumbers(): Extension;
export function lintGutter(): Extension;
export function python(): Extension;
export function rectangularSelection(): Extension;
export function setDiagnostics(state: EditorState, diagnostics: Diagnostic[]): object;
export function syntaxHighlighting(style: HighlightStyle): Extension;
