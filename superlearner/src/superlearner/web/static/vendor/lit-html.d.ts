// What the pages use of the vendored lit-html: a template is opaque, and what stands in it may be anything.
export interface Template { readonly strings: TemplateStringsArray; readonly values: unknown[] }
export declare const nothing: unique symbol;
export declare function html(strings: TemplateStringsArray, ...values: unknown[]): Template;
export declare function svg(strings: TemplateStringsArray, ...values: unknown[]): Template;
export declare function render(template: unknown, into: HTMLElement | DocumentFragment): void;
export declare function live(value: unknown): unknown;
export declare function repeat<T>(items: Iterable<T>, key: (item: T) => unknown, template: (item: T) => unknown): unknown;
