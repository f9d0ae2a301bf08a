import { z } from 'zod';

/** Text with an end: nothing a caller sends is longer than what it is for. */
export const text = (longest: number) => z.string().min(1).max(longest);

/** An identifier of ours: a prefix, an underscore, a ULID or a hash. */
export const identifier = text(128).regex(/^[A-Za-z0-9_.-]+$/, {
  error: 'must be an id as Daypass writes it',
});

export const timestamp = z.iso.datetime({ offset: true }).transform((value) => new Date(value));
