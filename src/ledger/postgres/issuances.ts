import { unavailable } from '../../protocol/oauth-error.ts';
import { createGroupCommit } from '../group-commit.ts';
import type { Issuance, IssuanceRefusal, Issuances } from '../ledger.ts';
import type { LockTarget } from '../records.ts';
import { isDataFault, orUnavailable, PATIENCE, tooLate } from './failure.ts';
import { auditToRow, credentialToRow, objectToRow, ticketToRow, tokenToRow } from './rows.ts';
import type { Statement, Statements } from './statements.ts';

const RECORD: Statement = {
  name: 'record issuances',
  text: 'SELECT record_issuance_4($1::jsonb, $2::int[], $3::text[], $4::text[]) AS refusals',
};

interface Recorded {
  readonly refusals: readonly (IssuanceRefusal | null)[];
}

/** Issuances through `record_issuance_4`: the function's comment in `prisma/migrations` says how. */
export const createIssuances = (statements: Statements): Issuances => {
  const record = createGroupCommit<Issuance, IssuanceRefusal | undefined>({
    write: async (issuances) => {
      const [row] = await statements.run<Recorded>(RECORD, [
        JSON.stringify(issuances.map(toElement)),
        eachOnce(issuances, ({ configuration }) => [configuration]),
        eachOnce(issuances, targetsOf),
        eachOnce(issuances, ({ signIn }) => (signIn ? [signIn.tokenHash] : [])),
      ]);
      return (row?.refusals ?? []).map((refusal) => refusal ?? undefined);
    },
    isItemsFault: isDataFault,
    maxItems: 64,
    maxInFlight: 2,
    maxWaiting: 2_000,
    overload: () => unavailable('issuance queue is full'),
    patience: PATIENCE,
    late: tooLate,
  });
  return {
    record: (issuance) => orUnavailable(() => record(issuance)),
  };
};

const eachOnce = <Value>(
  issuances: readonly Issuance[],
  valuesOf: (issuance: Issuance) => readonly Value[],
): Value[] => [...new Set(issuances.flatMap(valuesOf))];

/** Every lock that could stand against it. */
const targetsOf = ({ keys, authorities }: Issuance): readonly LockTarget[] => [
  ...keys,
  ...authorities.map(({ key }) => key),
];

/** Absent members are not sent at all: they are most of them. */
const toElement = (issuance: Issuance): object => {
  const { signIn, person, device, token, object, ticket, credential, audit } = issuance;
  const row = token && tokenToRow(token);
  return {
    configuration: issuance.configuration,
    keys: issuance.keys,
    issued_at: audit.at,
    authorities: bySince(issuance.authorities),
    proofs: issuance.proofs.map(({ kind, id, keepUntil }) => ({ kind, id, keep_until: keepUntil })),
    sign_in: signIn && {
      token_hash: signIn.tokenHash,
      thumbprint: signIn.thumbprint,
      expires_at: signIn.expiresAt,
    },
    person: person && {
      user_id: person.userId,
      issuer: person.issuer,
      subject: person.subject,
      issuer_id: person.issuerId,
      tenant_id: person.tenantId,
      first_seen_at: audit.at,
    },
    device: device && {
      device_id: device.deviceId,
      thumbprint: device.thumbprint,
      first_seen_at: audit.at,
    },
    token: row,
    ancestors: issuance.ancestors?.map(({ ancestorId, via }) => ({
      child_id: token?.tokenId,
      ancestor_id: ancestorId,
      via,
    })),
    object: object && objectToRow(object),
    ticket: ticket && ticketToRow(ticket),
    credential: credential && credentialToRow(credential),
    audit: beyond(row, auditToRow(audit)),
  };
};

/** Most authorities of a credential began at the same moment. */
const bySince = (authorities: Issuance['authorities']): object[] =>
  [...Map.groupBy(authorities, ({ since }) => since.getTime())].map(([since, each]) => ({
    since: new Date(since),
    keys: each.map(({ key }) => key),
  }));

/** What the event says that the token's row does not say under the same name. */
const beyond = (token: object | undefined, event: object): object => {
  if (!token) return event;
  const said = token as Readonly<Record<string, unknown>>;
  const more: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(event)) {
    // NULL where the event leaves out what the token says.
    if (value !== said[name]) more[name] = value ?? null;
  }
  return more;
};
