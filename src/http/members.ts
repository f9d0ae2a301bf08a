import { z } from 'zod';
import { nearest } from '../config/nearest.ts';

/** Of one request. Guessing costs more than refusing, and a body may name thousands. */
const GUESSES = 8;

/** The member each unknown one was probably meant to be, where one is close; for the first few. */
export const meantBy = (
  schema: z.ZodType,
  path: readonly PropertyKey[],
  unknown: readonly string[],
): readonly (string | undefined)[] => {
  const members = membersAt(schema, path);
  return unknown.map((name, place) => (place < GUESSES ? nearest(name, members) : undefined));
};

const membersAt = (schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] => {
  const place = path.reduce<unknown>((here, key) => below(bare(here), key), schema);
  const object = bare(place);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
};

const below = (schema: unknown, key: PropertyKey): unknown => {
  if (schema instanceof z.ZodArray) return schema.element;
  return schema instanceof z.ZodObject ? schema.shape[String(key)] : undefined;
};

/** Without what says that it may be absent, or what is made of it afterwards. */
const bare = (schema: unknown): unknown => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return bare(schema.unwrap());
  if (schema instanceof z.ZodDefault) return bare(schema.unwrap());
  return schema instanceof z.ZodPipe ? bare(schema.in) : schema;
};
