import { unavailable } from '../../protocol/oauth-error.ts';
import { createGroupCommit } from '../group-commit.ts';
import type { ObjectStep, Objects, StepRefusal } from '../ledger.ts';
import { inheritsCompliance } from './audit-trail.ts';
import { isDataFault, orUnavailable, PATIENCE, tooLate } from './failure.ts';
import { auditToRow } from './rows.ts';
import type { Statement, Statements } from './statements.ts';

const ADVANCE: Statement = {
  name: 'advance objects',
  text: 'SELECT advance_objects_1($1::jsonb, $2::text[], $3::text[]) AS refusals',
};

interface Advanced {
  readonly refusals: readonly (StepRefusal | null)[];
}

/** Steps through `advance_objects_1`: the function's comment in `prisma/migrations` says how. */
export const createObjectSteps = (statements: Statements): Pick<Objects, 'advance'> => {
  const advance = createGroupCommit<ObjectStep, StepRefusal | undefined>({
    write: async (steps) => {
      const [row] = await statements.run<Advanced>(ADVANCE, [
        JSON.stringify(steps.map(toElement)),
        [...new Set(steps.map(({ objectId }) => objectId))],
        [...new Set(steps.flatMap(({ holder }) => holder?.keys ?? []))],
      ]);
      return (row?.refusals ?? []).map((refusal) => refusal ?? undefined);
    },
    isItemsFault: isDataFault,
    maxItems: 64,
    maxInFlight: 2,
    maxWaiting: 2_000,
    overload: () => unavailable('queue of upload steps is full'),
    patience: PATIENCE,
    late: tooLate,
  });
  return { advance: (step) => orUnavailable(() => advance(step)) };
};

const toElement = (step: ObjectStep): object => {
  const { found, holder, audit } = step;
  return {
    object_id: step.objectId,
    expected: step.from,
    status: step.to,
    at: step.at,
    reason: step.reason,
    size: found?.size,
    sha256: found?.sha256,
    content_type: found?.contentType,
    revision: step.revision ?? found?.revision,
    report: step.report,
    ...(holder && { keys: holder.keys, authorities: holder.authorities }),
    despite_revocation: step.despiteRevocation,
    audit: auditToRow(audit),
    inherits: inheritsCompliance(audit),
  };
};
