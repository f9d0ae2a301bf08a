import { formatPolicies } from '@cedar-policy/cedar-wasm/nodejs';

/** Policies in their one layout; undefined for text that does not parse. */
export const formatted = (text: string): string | undefined => {
  const answer = formatPolicies({ policyText: text, lineWidth: 100, indentWidth: 2 });
  return answer.type === 'success' ? answer.formatted_policy : undefined;
};
