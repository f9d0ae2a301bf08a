import type { Decision, PolicyEngine, Question } from './engine.ts';

/** The decision on `question` in lines for a person: what was asked, the answer, and for a refusal what would help. */
export const explain = (engine: PolicyEngine, question: Question): readonly string[] => [
  asked(question),
  ...answered(engine.decide(question)),
  `policies ${engine.digest}`,
];

const asked = ({ action, user, app, resource, actions, object }: Question): string => {
  const who = user ? `${user.id} through ${app.id}` : `${app.id} alone`;
  const what = object ? `${resource.id}/${object.key.replace(/^\//, '')}` : resource.id;
  return `${action} (${actions.join(', ')}) on ${what} by ${who}`;
};

const answered = (decision: Decision): readonly string[] => {
  switch (decision.effect) {
    case 'permit':
      return [`permit: ${decision.policies.join(', ')}`];
    case 'deny':
      return [
        'deny',
        ...decision.violations.flatMap(({ field, rule, message, remedy }) => [
          `  ${rule} (${field}): ${message}`,
          `    to fix it: ${remedy}`,
        ]),
      ];
    case 'error':
      return [`error, hence refused: ${decision.detail}`];
  }
};
