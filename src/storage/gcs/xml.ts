/**
 * As much of XML as the answers of Google's XML API need: elements without attributes of their own, and five entities. It
 * looks for names and skips everything else, and expands nothing.
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&#34;': '"',
  '&#39;': "'",
  '&amp;': '&',
};

/** What stands in each element of this name, in order. Such an element holds no other of its name. */
export const elements = (xml: string, name: string): readonly string[] =>
  xml
    .split(`<${name}>`)
    .slice(1)
    .map((rest) => rest.split(`</${name}>`, 1)[0] ?? '');

/** The text of the first element of this name. */
export const textOf = (xml: string, name: string): string | undefined =>
  elements(xml, name)[0]?.replace(
    /&(?:lt|gt|quot|apos|#34|#39|amp);/g,
    (one) => ENTITIES[one] ?? one,
  );

/** Text that stands for itself in an element. */
export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
