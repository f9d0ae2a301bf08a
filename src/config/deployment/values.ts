import { z } from 'zod';
import { type Reading, readDuration, readSize } from '../../scope/scope.ts';

/** What a value must be, for `refine`: rule and remedy travel in the issue, beside the message. */
export const says = (rule: string, message: string, remedy: string) => ({
  error: message,
  params: { rule, remedy },
});

const ID = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

/** An id stands in scopes, in object keys and in URLs, so it needs no escaping in any of them. */
export const id = z
  .string()
  .refine(
    (text) => ID.test(text),
    says(
      'id',
      'must be 1 to 128 of A-Z a-z 0-9 . _ ~ - and start with a letter or digit',
      'choose a short name such as where2eat',
    ),
  )
  .meta({ pattern: ID.source });

/** A text for people or for another system: anything but blank, without what hides or reorders the words around it. */
export const text = z
  .string()
  .refine(
    (value) => value.trim() !== '' && !/[\p{C}\p{Zl}\p{Zp}]/u.test(value),
    says(
      'text',
      'must not be empty or hold control, invisible or line-breaking characters',
      'write what is meant on one line',
    ),
  );

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The name of an environment variable: secrets themselves are never in the file. */
export const variableName = z
  .string()
  .refine(
    (name) => VARIABLE.test(name),
    says(
      'variable_name',
      'must be the name of an environment variable, not its value',
      'put the secret into the environment (or NAME_FILE) and name the variable here',
    ),
  )
  .meta({ pattern: VARIABLE.source });

/** What the scope room reads, as a zod transform: the file and the requests have one grammar. */
export const reads =
  <Written, Value>(reader: (written: Written) => Reading<Value>) =>
  (written: Written, ctx: z.RefinementCtx): Value => {
    const reading = reader(written);
    if ('value' in reading) return reading.value;
    for (const { message, rule, remedy } of reading.violations)
      ctx.addIssue({ code: 'custom', message, params: { rule, remedy } });
    return z.NEVER;
  };

/** `5m`, or seconds as a number. Output: seconds. */
export const duration = z
  .union([z.string(), z.number()], { error: 'must be a duration, such as 5m' })
  .meta({ examples: ['5m'] })
  .transform(reads((written: string | number) => readDuration(written)));

/** `10MB`, or bytes as a number. Output: bytes. */
export const size = z
  .union([z.string(), z.number()], { error: 'must be a size, such as 10MB' })
  .meta({ examples: ['10MB'] })
  .transform(reads((written: string | number) => readSize(written)));

/** A positive whole number. */
export const count = z.int({ error: 'must be a whole number' }).positive({
  error: 'must be at least 1',
});

/** A list in which nothing stands twice: a repetition is a slip of the pen that hides another. */
export const distinct = <T extends z.ZodType>(entry: T) =>
  z
    .array(entry)
    .refine(
      (list) => new Set(list.map((one) => JSON.stringify(one))).size === list.length,
      says('distinct', 'lists the same entry twice', 'remove the repetition'),
    );
