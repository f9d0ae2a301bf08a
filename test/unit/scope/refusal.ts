import { OAuthError } from '../../../src/protocol/oauth-error.ts';

/** The refusal `attempt` is answered with; anything else it throws, or no refusal, fails the test. */
export const refusalOf = (attempt: () => unknown): OAuthError => {
  let answer: unknown;
  try {
    answer = attempt();
  } catch (error) {
    if (error instanceof OAuthError) return error;
    throw error;
  }
  throw new Error(`expected a refusal, got ${JSON.stringify(answer)}`);
};

/** The code and the rules broken, such as `invalid_request: path_dot_segment`. */
export const refusedFor = (attempt: () => unknown): string => {
  const { code, violations } = refusalOf(attempt);
  return `${code}: ${violations.map((v) => v.rule).join(' ')}`;
};
