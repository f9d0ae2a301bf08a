/** Columns a line has, indentation included. */
export const WIDTH = 100;

/** How far back a line is searched for a good place to break. */
const REACH = 32;

/** A place to go on from: after a space, or after what separates parts of a URL, a scope or a list. */
const isBreak = (character: string | undefined): boolean =>
  character !== undefined && ' /,;&?:'.includes(character);

/** One line as several, each within `width` columns; the later ones begin with `hanging`. */
const fold = (line: string, width: number, hanging: string): string[] => {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    let end = width;
    while (end > width - REACH && !isBreak(rest[end - 1])) end -= 1;
    if (end === width - REACH) end = width;
    lines.push(rest.slice(0, end).trimEnd());
    rest = hanging + rest.slice(end);
  }
  return [...lines, rest];
};

/** A text indented and folded; its own line breaks and indentation stay. */
export const indent = (text: string, by: string, more = ''): string =>
  text
    .split('\n')
    .flatMap((line) => {
      const own = /^ */.exec(line)?.[0] ?? '';
      return fold(`${by}${line}`, WIDTH, `${by}${own}${more}`);
    })
    .join('\n');

/** JSON as a person would write it: on one line where it fits into `room` columns. */
export const json = (value: unknown, room: number): string => {
  const inline = spaced(value);
  if (inline.length <= room || typeof value !== 'object' || value === null) return inline;
  const inner = Array.isArray(value)
    ? value.map((item) => json(item, room - 2))
    : Object.entries(value).map(([name, member]) => {
        const label = `${JSON.stringify(name)}: `;
        return label + json(member, room - 2 - label.length);
      });
  if (inner.length === 0) return inline;
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const body = inner.join(',\n').replaceAll(/^/gm, '  ');
  return `${open}\n${body}\n${close}`;
};

const spaced = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (members.length === 0) return '{}';
  const inner = members.map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member)}`);
  return `{ ${inner.join(', ')} }`;
};
