import type { Ajv } from 'ajv';

/**
 * `uniqueItems` in time that grows with the document: the library's own compares each entry with each other one, and a
 * file that is made for it would keep a worker busy until it is stopped.
 *
 * Whatever is equal as JSON has the same name here. A list or object is spelt with the names of what is in it, so that
 * none is read twice, however deep it lies in lists that must be without duplicates.
 */
export const createUniqueItems = () => {
  const names = new Map<string, Name>();
  const known = new Map<object, Name>();

  /** Of a list or object a number of ours, of anything else its text: no text of JSON is a number to a Map. */
  const nameOf = (value: unknown): Name => {
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const before = known.get(value);
    if (before !== undefined) return before;
    const spelt = Array.isArray(value) ? `[${value.map(spell)}]` : `{${membersOf(value)}}`;
    const name = names.get(spelt) ?? names.size;
    names.set(spelt, name);
    known.set(value, name);
    return name;
  };

  const spell = (value: unknown): string => {
    const name = nameOf(value);
    return typeof name === 'number' ? `#${name}` : name;
  };

  const membersOf = (value: object): readonly string[] =>
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([member, inside]) => `${JSON.stringify(member)}:${spell(inside)}`);

  const validate: Validate = (items) => {
    const seen = new Map<Name, number>();
    for (const [place, item] of items.entries()) {
      const name = nameOf(item);
      const earlier = seen.get(name);
      if (earlier !== undefined) {
        const message = `must NOT have duplicate items (items ## ${earlier} and ${place} are identical)`;
        validate.errors = [{ keyword: 'uniqueItems', message, params: { i: place, j: earlier } }];
        return false;
      }
      seen.set(name, place);
    }
    return true;
  };

  return {
    replaceIn: (ajv: Ajv): void => {
      ajv.removeKeyword('uniqueItems');
      ajv.addKeyword({
        keyword: 'uniqueItems',
        type: 'array',
        schemaType: 'boolean',
        compile: (isWanted: boolean) => (isWanted ? validate : () => true),
      });
    },
    /** Between two documents: nothing of the first is kept. */
    forget: (): void => {
      if (known.size === 0) return; // as after most rows of a table
      names.clear();
      known.clear();
    },
  };
};

type Name = string | number;

interface Validate {
  (items: readonly unknown[]): boolean;
  errors?: { keyword: string; message: string; params: object }[];
}
