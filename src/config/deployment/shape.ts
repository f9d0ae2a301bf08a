import { z } from 'zod';

/** The little of JSON Schema that our schemas use. */
export interface Shape {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
}

const alternatives = (shape: Shape): readonly Shape[] =>
  [shape, ...(shape.anyOf ?? []), ...(shape.oneOf ?? [])].filter(({ properties, items, ...rest }) =>
    Boolean(properties ?? items ?? rest),
  );

const below = (shape: Shape, key: PropertyKey): Shape[] =>
  alternatives(shape).flatMap(({ properties, items }) => {
    if (typeof key === 'number') return items === undefined ? [] : [items];
    const member = String(key);
    const found = Object.hasOwn(properties ?? {}, member) ? properties?.[member] : undefined;
    return found === undefined ? [] : [found];
  });

/** What the schema says about a place: asked only where something is wrong, so it may take its time. */
export const shapeAt = (
  schema: z.ZodType,
  path: readonly PropertyKey[],
): { members: string[]; description: string | undefined } => {
  const root = z.toJSONSchema(schema, { io: 'input' }) as Shape;
  const shapes = path.reduce<Shape[]>(
    (current, key) => current.flatMap((shape) => below(shape, key)),
    [root],
  );
  const members = shapes
    .flatMap(alternatives)
    .flatMap(({ properties }) => Object.keys(properties ?? {}));
  return {
    members: [...new Set(members)],
    description: shapes.find(({ description }) => description !== undefined)?.description,
  };
};
