import { join } from 'node:path';

/** Where Daypass's own policies lie: they are in force wherever a broker decides. */
export const POLICIES = join(import.meta.dirname, '..', '..', 'policies');
