import { hash } from 'node:crypto';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { TableKind } from './kind.ts';
import { createUniqueItems } from './unique-items.ts';

/** A schema as it is asked: of each row or element, or of a document as a whole. */
export interface TableSchema {
  /** Of a row of CSV, a line, or an element of an array that is read bit by bit. */
  readonly each: Judge;
  /** Of a document; undefined for tables, which have no whole. */
  readonly whole: Judge | undefined;
  /** Why a long array cannot be judged element by element; undefined where it can. */
  readonly wholeOnly: string | undefined;
  readonly leastItems: number;
  readonly mostItems: number;
}

/** What is wrong with a value: nothing, or each with where it stands in it. */
export type Judge = (value: unknown) => readonly Fault[];

export interface Fault {
  /** A JSON Pointer into the value. */
  readonly at: string;
  readonly keyword: string;
  readonly message: string;
}

/** Formats of our own: the library has none, and refuses a schema that names others. */
const FORMATS: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/,
  time: /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-][0-2]\d:[0-5]\d)$/i,
  'date-time':
    /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-][0-2]\d:[0-5]\d)$/i,
  email: /^[^\s@]{1,64}@[^\s@]{1,255}$/,
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
};

/** What an array may say besides `items` and still be judged element by element. */
const SAID_OF_ARRAYS = new Set([
  ...['$schema', '$id', '$defs', 'definitions', '$comment', 'title', 'description', 'examples'],
  ...['type', 'items', 'minItems', 'maxItems'],
]);

const DIALECT_2020 = 'https://json-schema.org/draft/2020-12/schema';

/** The last few, by their digest: compiling costs more than most files. */
const compiled = new Map<string, TableSchema>();
const KEPT = 16;

/** @throws Error saying why the schema cannot be used. */
export const compileSchema = (kind: TableKind, schema: object): TableSchema => {
  const name = hash('sha256', `${kind}${JSON.stringify(schema)}`);
  const known = compiled.get(name);
  if (known) return known;
  const fresh = compile(kind, schema as Readonly<Record<string, unknown>>);
  if (compiled.size >= KEPT) compiled.clear();
  compiled.set(name, fresh);
  return fresh;
};

const compile = (kind: TableKind, schema: Readonly<Record<string, unknown>>): TableSchema => {
  const { items, minItems, maxItems } = schema;
  const ofArray = schema.type === 'array' && typeof items === 'object' && items !== null;
  const settings = {
    allErrors: kind === 'csv', // each cell is small; of a document the first fault is enough
    // A cell is text: "12.5" is the number a schema asks for.
    coerceTypes: kind === 'csv',
    formats: FORMATS,
    strictTypes: false,
    strictTuples: false,
  };
  const ajv = schema.$schema === DIALECT_2020 ? new Ajv2020(settings) : new Ajv(settings);
  const uniqueItems = createUniqueItems();
  uniqueItems.replaceIn(ajv);
  const whole = ajv.compile(schema);
  // An element's schema may refer to what the whole defines, so it is asked for from within the whole.
  const each = ofArray ? elementJudge(ajv, schema) : whole;
  const foreign = Object.keys(schema).filter((word) => !SAID_OF_ARRAYS.has(word));
  return {
    each: judge(each, uniqueItems.forget),
    whole: kind === 'json' ? judge(whole, uniqueItems.forget) : undefined,
    wholeOnly: wholeOnly(ofArray, foreign),
    leastItems: ofArray && typeof minItems === 'number' ? minItems : 0,
    mostItems: ofArray && typeof maxItems === 'number' ? maxItems : Number.POSITIVE_INFINITY,
  };
};

const elementJudge = (
  ajv: Ajv | Ajv2020,
  schema: Readonly<Record<string, unknown>>,
): ValidateFunction => {
  const { $schema, $id, $defs, definitions, items } = schema;
  return ajv.compile({
    ...(typeof $schema === 'string' && { $schema }),
    ...(typeof $id === 'string' && { $id: `${$id}#element` }),
    ...(typeof $defs === 'object' && { $defs }),
    ...(typeof definitions === 'object' && { definitions }),
    allOf: [items],
  });
};

const wholeOnly = (ofArray: boolean, foreign: readonly string[]): string | undefined => {
  if (!ofArray) return 'its schema is not that of an array';
  return foreign.length === 0 ? undefined : `its schema says ${foreign.join(', ')} of all elements`;
};

const judge =
  (validate: ValidateFunction, after: () => void): Judge =>
  (value) => {
    try {
      return validate(value) ? [] : (validate.errors ?? []).map(fault);
    } finally {
      after();
    }
  };

const fault = ({
  instancePath,
  keyword,
  message = 'is not valid',
  params,
}: ErrorObject): Fault => ({
  at: `${instancePath}${missingOf(keyword, params)}`,
  keyword,
  message,
});

/** What is missing has no place of its own: it is named where it should be. */
const missingOf = (keyword: string, params: Readonly<Record<string, unknown>>): string => {
  const name = keyword === 'required' ? params.missingProperty : params.additionalProperty;
  return typeof name === 'string' ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : '';
};
