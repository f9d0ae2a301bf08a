import type { ActionConstraint } from '@cedar-policy/cedar-wasm/nodejs';
import type { Action } from '../engine.ts';

/** One policy as written, before anything but its syntax is known to be right. */
export interface Fragment {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly effect: 'permit' | 'forbid';
  /** What its head says of the action. */
  readonly action: ActionConstraint;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Policy extends Fragment {
  /** `@id`: kept in tokens' records and audit events, and the `rule` of a violation. */
  readonly id: string;
  /** Those it can apply to. */
  readonly actions: readonly Action[];
}

export interface PolicyBundle {
  /** `sha256:` + hex over names and contents: two bundles that differ in a byte differ here. */
  readonly digest: string;
  readonly schema: string;
  /** In order of file and line. */
  readonly policies: readonly Policy[];
}
