import type { Decision, PolicyEngine, Question } from './engine.ts';

/**
 * Answers a question already answered without asking again.
 *
 * This is safe because an engine knows nothing but the question: no clock, no lookup. So the key is the whole question
 * (every field, by serialising it as it is, never a list of fields that could fall behind) and the digest of the policies.
 * Two spellings of one question only miss each other. Errors are not kept: they may pass.
 *
 * @param maxEntries bounds the memory (about 1 kB each); the least recently asked leaves first.
 */
export const createMemo = (engine: PolicyEngine, maxEntries = 4096): PolicyEngine => {
  const answers = new Map<string, Decision>();

  const remember = (key: string, decision: Decision): void => {
    const [oldest] = answers.keys();
    if (answers.size >= maxEntries && oldest !== undefined) answers.delete(oldest);
    answers.set(key, decision);
  };

  return {
    get digest() {
      return engine.digest;
    },

    decide(question: Question): Decision {
      const key = keyOf(engine.digest, question);
      if (key === undefined) return engine.decide(question);
      const known = answers.get(key);
      if (known) {
        answers.delete(key); // a Map iterates in order of insertion: move it to the end
        answers.set(key, known);
        return known;
      }
      const decision = engine.decide(question);
      if (decision.effect !== 'error') remember(key, decision);
      return decision;
    },
  };
};

/** Undefined for what JSON cannot hold: such a question is never remembered. */
const keyOf = (digest: string, question: Question): string | undefined => {
  try {
    return `${digest} ${JSON.stringify(question)}`;
  } catch {
    return undefined;
  }
};
