import {
  type DetailedError,
  policySetTextToParts,
  policyToJson,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { Fragment } from './policy.ts';

interface Split {
  readonly fragments: readonly Fragment[];
  readonly problems: readonly string[];
}

/**
 * A file's policies one by one, in order. They must be handed to Cedar under their own ids: it numbers those of a whole
 * text `policy0`, `policy1`, whatever their `@id` says.
 */
export const splitPolicies = (file: { name: string; text: string }): Split => {
  const parts = policySetTextToParts(file.text);
  if (parts.type === 'failure') {
    const problems = parts.errors.map((error) => `${at(file, offsetOf(error))}: ${error.message}`);
    return { fragments: [], problems };
  }
  const placed = placeParts(file.text, parts.policies);
  const templates = parts.policy_templates.map((text) => `${at(file, file.text.indexOf(text))}: `);
  return {
    fragments: placed.map(({ text, offset }) => ({
      file: file.name,
      line: lineAt(file.text, offset),
      text,
      ...head(text),
    })),
    problems: templates.map((where) => `${where}templates are not supported: write a policy`),
  };
};

/** Cedar answers the parts in order of its own numbering, as text (`policy10` before `policy2`): the file has the order. */
const placeParts = (whole: string, parts: readonly string[]) => {
  const from = new Map<string, number>(); // two equal policies are found one after the other
  return parts
    .map((text) => {
      const offset = whole.indexOf(text, from.get(text) ?? 0);
      from.set(text, offset + 1);
      return { text, offset };
    })
    .sort((a, b) => a.offset - b.offset);
};

const head = (text: string): Pick<Fragment, 'effect' | 'action' | 'annotations'> => {
  const parsed = policyToJson(text);
  if (parsed.type === 'failure') throw new Error(`Cedar cannot reread a policy: ${text}`);
  const { effect, action, annotations = {} } = parsed.json;
  return { effect, action, annotations };
};

const offsetOf = (error: DetailedError): number => error.sourceLocations?.[0]?.start ?? 0;

const at = (file: { name: string; text: string }, offset: number): string =>
  `${file.name}:${lineAt(file.text, offset)}`;

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;
