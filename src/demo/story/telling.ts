import type { Caller } from './caller.ts';
import type { Narrator } from './narrator.ts';
import type { Stage } from './stage.ts';

/** What every scene works with: where it plays, who speaks, and who tells. */
export interface Telling {
  readonly stage: Stage;
  readonly narrator: Narrator;
  readonly call: Caller;
}
