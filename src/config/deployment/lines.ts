import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml';
import type { Problem } from '../problem.ts';

/** A YAML text as a value, and where each part of it stands. */
export interface Lines {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** The line of a member's key or a list's entry, counted from 1; of its nearest parent where it is absent. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** One step down: the node that follows, and the node that says where it stands. */
const step = (node: unknown, key: PropertyKey): { at: unknown; next: unknown } | undefined => {
  if (isMap(node)) {
    const pair = node.items.find(({ key: name }) => isScalar(name) && name.value === key);
    return pair && { at: pair.key, next: pair.value };
  }
  const entry = isSeq(node) && typeof key === 'number' ? node.items[key] : undefined;
  return entry === undefined ? undefined : { at: entry, next: entry };
};

const startOf = (node: unknown): number | undefined => (node as Node | null)?.range?.[0];

const locator =
  (document: Document.Parsed, counter: LineCounter) =>
  (path: readonly PropertyKey[]): number => {
    let node: unknown = document.contents;
    let offset = startOf(node) ?? 0;
    for (const key of path) {
      const found = step(isAlias(node) ? node.resolve(document) : node, key);
      if (found === undefined) break;
      offset = startOf(found.at) ?? offset;
      node = found.next;
    }
    return Math.max(1, counter.linePos(offset).line);
  };

const syntax = (error: YAMLError, counter: LineCounter): Problem => ({
  path: '(the file)',
  line: counter.linePos(error.pos[0]).line,
  rule: error.code === 'DUPLICATE_KEY' ? 'duplicate_key' : 'yaml',
  message: error.message,
  remedy:
    error.code === 'DUPLICATE_KEY'
      ? 'keep one of the two: the other would be lost'
      : 'correct the YAML here',
});

const toValue = (document: Document.Parsed, problems: Problem[]): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // An alias without its anchor, or so many that a small file would become a huge value.
    problems.push({
      path: '(the file)',
      line: 1,
      rule: 'yaml',
      message: error instanceof Error ? error.message : 'cannot be read as a value',
      remedy: 'write the value out where the alias stands',
    });
    return undefined;
  }
};

/** Reads YAML 1.2: no date, no `yes` and no octal is anything but the text it looks like. Never throws. */
export const readLines = (text: string): Lines => {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    lineCounter: counter,
    prettyErrors: false,
    stringKeys: true,
  });
  const problems = document.errors.map((error) => syntax(error, counter));
  const value = toValue(document, problems);
  return { value, problems, lineOf: locator(document, counter) };
};
