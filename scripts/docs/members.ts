import { z } from 'zod';
import { deploymentSchema } from '../../src/config/deployment/schema.ts';

/** The part of JSON Schema that daypass.yaml uses. */
export interface Schema {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

export const DEPLOYMENT = z.toJSONSchema(deploymentSchema, { io: 'input' }) as Schema;

/** A member of the file as the reference shows it. */
export interface Member {
  readonly path: string;
  readonly type: string;
  readonly standard: string;
  readonly description: string;
}

const code = (value: unknown): string =>
  `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: '`true` or `false`',
  array: 'list',
  object: 'mapping',
};

const word = ({ type, format }: Schema): string => {
  if (format === 'date' || format === 'date-time') return format;
  return WORDS[String(type)] ?? String(type);
};

const typeOf = (schema: Schema): string => {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  const [example] = schema.examples ?? [];
  if (example !== undefined) return example === '5m' ? 'duration' : 'size';
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.items !== undefined) {
    const entry = typeOf(schema.items);
    return entry === 'mapping' ? 'list of mappings' : `list: ${entry}`;
  }
  return word(schema);
};

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const standardOf = (schema: Schema, required: boolean): string => {
  if (required) return 'required';
  return schema.default === undefined || isEmpty(schema.default) ? '' : code(schema.default);
};

/** The variants of an entry, each with the value of `provider` that selects it. */
const variants = (schema: Schema): readonly { name: string; schema: Schema }[] =>
  (schema.oneOf ?? [schema]).map((variant) => ({
    name: String(variant.properties?.provider?.const ?? ''),
    schema: variant,
  }));

interface Found extends Member {
  readonly variant: string;
}

const nested = (path: string, schema: Schema, variant: string): Found[] => {
  if (schema.items?.properties !== undefined || schema.items?.oneOf !== undefined)
    return membersOf(`${path}[]`, schema.items, variant);
  return schema.properties === undefined ? [] : membersOf(path, schema, variant);
};

const membersOf = (path: string, schema: Schema, outer = ''): Found[] =>
  variants(schema).flatMap(({ name, schema: one }) =>
    Object.entries(one.properties ?? {}).flatMap(([key, member]) => {
      const here = path === '' ? key : `${path}.${key}`;
      const variant = name === '' ? outer : name;
      const row = {
        path: here,
        type: typeOf(member),
        standard: standardOf(member, one.required?.includes(key) ?? false),
        description: member.description ?? '',
        variant,
      };
      return [row, ...nested(here, member, variant)];
    }),
  );

/** One row for a member however many providers have it; those of some say of which. */
const merged = (rows: readonly Found[], all: readonly string[]): Member[] => {
  const byPath = Map.groupBy(rows, ({ path }) => path);
  return [...byPath.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const types = [...new Set(group.map(({ type }) => type))].join(', ');
    const standards = Map.groupBy(group, ({ standard }) => standard);
    const which = [...standards]
      .filter(([standard]) => standard !== '')
      .map(([standard, those]) =>
        those.length === all.length || all.length === 1
          ? standard
          : `${standard} for ${those.map(({ variant }) => variant).join(', ')}`,
      );
    const owners = group.map(({ variant }) => variant);
    const only = all.every((variant) => owners.includes(variant))
      ? ''
      : `For ${owners.join(', ')}.`;
    const said = group.find((row) => row.description !== '')?.description ?? '';
    const description = [only, said].filter((part) => part !== '').join(' ');
    return [{ path: first.path, type: types, standard: which.join('; '), description }];
  });
};

/** The members of one part of the file. */
export const members = (name: string, schema: Schema): Member[] => {
  const all = variants(schema.items ?? schema).map((variant) => variant.name);
  return merged(nested(name, schema, ''), all);
};
