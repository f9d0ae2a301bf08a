import type { Random } from './random.ts';

/** Values that have broken somebody's parser, and ways to put them where a good one was. */

const NUMBERS = [0, -0, -1, 1.5, 1e21, 1e308, 2 ** 31, 2 ** 53, -(2 ** 63), 5e-324] as const;

const WORDS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\r\nSet-Cookie: a=b',
  '\u2028\u2029',
  '\u202eevil',
  '\ud800',
  '\udfff\ud83d',
  '\ufeff',
  'é',
  'e\u0301',
  'ﬀ',
  'İ',
  '😀'.repeat(50),
  '\x1b[2J\x1b]0;owned\x07',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'then',
  '../../../etc/passwd',
  '%2e%2e%2f',
  '%00',
  '%',
  '%zz',
  '%c0%af',
  '\\..\\',
  '//',
  '/./',
  "'; DROP TABLE issued_token; --",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: somebody else's template
  '${jndi:ldap://127.0.0.1/a}',
  '{{7*7}}',
  '<script>alert(1)</script>',
  'null',
  'undefined',
  'NaN',
  'true',
  '[object Object]',
  '1e999',
  '-0',
  '0x10',
  'http://127.0.0.1:1/',
  'https://evil@orders.acme.example',
  'https://orders.acme.example/%2e%2e/admin',
  'https://orders.acme.example#fragment',
  'bucket:project-123',
  'bucket:',
  'bucket:project-123:write:prefix=/',
  'storage:bucket:project-123:write:prefix=%2F:max_size=-1',
  '/where2eat/{app_id}/uploads/{user_id}/',
  '{user_id}',
  '*',
  'image/*',
  'image/png; charset="',
  '9999-99-99T99:99:99Z',
  '+275760-09-13T00:00:00.001Z',
] as const;

export const word = (random: Random): string => {
  const base = random.pick(WORDS);
  return random.once(8)
    ? base.repeat(1 + random.int(2_000)) || 'a'.repeat(random.int(70_000))
    : base;
};

const nested = (depth: number): unknown => {
  let value: unknown = null;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

const value = (random: Random): unknown => {
  switch (random.int(8)) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return random.pick([null, true, false, [], {}, [[]], [null], { length: -1 }]);
    case 2:
      return Array.from({ length: random.int(300) }, () => random.pick(WORDS));
    case 3:
      return Object.fromEntries(Array.from({ length: random.int(200) }, (_, at) => [`k${at}`, at]));
    case 4:
      return nested(random.int(60));
    default:
      return word(random);
  }
};

type Node = { [name: string]: unknown };

/** All objects and lists in `root`, itself included. */
const nodes = (root: unknown): Node[] =>
  typeof root === 'object' && root !== null
    ? [root as Node, ...Object.values(root).flatMap(nodes)]
    : [];

/** A copy of `valid` with one to four changes anywhere in it. */
export const mutateValue = <Value extends object>(random: Random, valid: Value): Value => {
  const copy = structuredClone(valid);
  for (let changes = 1 + random.int(4); changes > 0; changes -= 1) {
    const node = random.pick(nodes(copy));
    const names = Object.keys(node);
    const name = names.length === 0 || random.once(5) ? random.pick(WORDS) : random.pick(names);
    if (random.once(6)) delete node[name];
    else if (random.once(4) && typeof node[name] === 'string')
      node[name] = mutateText(random, node[name]);
    else define(node, name, value(random));
  }
  return copy;
};

/** An own member even where the name is `__proto__`, as JSON.parse makes it. */
const define = (node: Node, name: string, given: unknown): void => {
  Object.defineProperty(node, name, {
    value: given,
    enumerable: true,
    configurable: true,
    writable: true,
  });
};

/** `text` with one thing put in, left out, doubled or replaced. */
export const mutateText = (random: Random, text: string): string => {
  const at = random.int(text.length + 1);
  const [before, after] = [text.slice(0, at), text.slice(at)];
  switch (random.int(7)) {
    case 0:
      return before + word(random) + after;
    case 1:
      return before + after.slice(1);
    case 2:
      return before;
    case 3:
      return text + text;
    case 4:
      return before + String.fromCharCode(random.int(0x110)) + after.slice(1);
    case 5:
      return text.toUpperCase();
    default:
      return word(random);
  }
};

/** JSON with what only its text can hold: numbers too large, names given twice, bytes that are no text. */
export const mutateJson = (random: Random, valid: object): Buffer => {
  const json = JSON.stringify(random.once(4) ? valid : mutateValue(random, valid)) ?? '';
  if (!random.once(3)) return Buffer.from(json);
  const at = random.int(json.length + 1);
  switch (random.int(12)) {
    case 0:
      return Buffer.from(json.slice(0, at));
    case 1:
      return Buffer.from(json.slice(0, at) + json);
    case 2:
      return Buffer.concat([
        Buffer.from(json.slice(0, at)),
        random.bytes(1 + random.int(9)),
        Buffer.from(json.slice(at)),
      ]);
    case 3:
      return Buffer.from(json, 'utf16le');
    case 4:
      return Buffer.from(`\ufeff${json}`);
    case 5:
      return Buffer.from(
        json.replace(
          /\d+/,
          random.pick(['1e999', '-1e999', '1'.repeat(5_000), '01', '+1', '.5', '0x1']),
        ),
      );
    case 6:
      return Buffer.from(
        json.replace('{', '{"app_id":"where2eat","app_id":"lowcode","__proto__":{"x":1},'),
      );
    case 7:
      return Buffer.from(random.pick(['[', '{"a":', '[{"a":']).repeat(1 + random.int(15_000)));
    case 8:
      return Buffer.from(json.replaceAll('"', "'"));
    case 9:
      return Buffer.from(json.replace(/"[^"]*"/, '"\\ud800"'));
    case 10:
      return Buffer.alloc(random.int(60_000), random.pick([0, 0x20, 0x22, 0x5b, 0xff]));
    default:
      return Buffer.from(
        random.pick(['', 'null', '[]', '"text"', '0', 'NaN', '{}', '{},', '{}{}', '\r\n']),
      );
  }
};

/** A form, whose fields may come twice, be of no known name, or be encoded as nobody would. */
export const mutateForm = (random: Random, valid: Readonly<Record<string, string>>): string => {
  const fields = Object.entries(valid).flatMap(([name, given]): [string, string][] => {
    if (random.once(10)) return [];
    if (random.once(10))
      return [
        [name, given],
        [name, given],
      ];
    if (random.once(8)) return [[name, mutateText(random, given)]];
    if (random.once(20)) return [[mutateText(random, name), given]];
    return [[name, given]];
  });
  while (random.once(4)) fields.push([word(random), word(random)]);
  const encode = (text: string): string =>
    random.once(15) ? text : encodeURIComponent(text.toWellFormed());
  return fields
    .map(([name, given]) => `${encode(name)}=${encode(given)}`)
    .join(random.once(30) ? ';' : '&');
};
