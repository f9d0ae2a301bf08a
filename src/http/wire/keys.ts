import { z } from 'zod';
import type { KeyStatus } from '../../broker/keys/list-keys.ts';
import type { KeyRevocation } from '../../broker/keys/revoke-key.ts';
import type { RotationAnswer } from '../../broker/keys/rotate-keys.ts';
import { reason, revocationAnswer, toRevocationAnswer } from './admin.ts';

const moment = z.iso.datetime().nullable();

export const keyItem = z.object({
  kid: z.string(),
  alg: z.string(),
  state: z.enum(['next', 'active', 'retiring', 'retired', 'revoked']),
  custody: z.string().meta({ description: '`local`, or the external signer that keeps it.' }),
  created_at: z.iso.datetime(),
  ready_at: moment.meta({ description: 'Of a next key: it has been published long enough then.' }),
  signs_from: moment.meta({ description: 'Of a next key: when it will be active.' }),
  rotation_asked_at: moment,
  active_at: moment,
  retiring_at: moment,
  publish_until: moment.meta({ description: 'Of a retiring key: all it signed has expired then.' }),
  retired_at: moment,
  revoked_at: moment,
  public_jwk: z.looseObject({ kty: z.string() }),
});

export const keyList = z.object({ items: z.array(keyItem), next_cursor: z.null() });

const iso = (date: Date | undefined): string | null => date?.toISOString() ?? null;

const toKeyItem = (key: KeyStatus): z.output<typeof keyItem> => ({
  kid: key.kid,
  alg: key.alg,
  state: key.state,
  custody: key.custody,
  created_at: key.createdAt.toISOString(),
  ready_at: iso(key.readyAt),
  signs_from: iso(key.signsFrom),
  rotation_asked_at: iso(key.rotationAskedAt),
  active_at: iso(key.activeAt),
  retiring_at: iso(key.retiringAt),
  publish_until: iso(key.publishUntil),
  retired_at: iso(key.retiredAt),
  revoked_at: iso(key.revokedAt),
  public_jwk: key.publicJwk as z.output<typeof keyItem>['public_jwk'],
});

/** There are never many: one page holds them all. */
export const toKeyList = (keys: readonly KeyStatus[]): z.output<typeof keyList> => ({
  items: keys.map(toKeyItem),
  next_cursor: null,
});

/** `POST /admin/v1/keys/rotate`. */
export const rotationBody = z.strictObject({
  now: z.boolean().default(false).meta({
    description:
      'Sign with the next key at once, also where it has not been published long enough: verifiers that hold an older key set and do not ask again for an unknown key refuse new tokens until their copy ends.',
  }),
});

export const rotationAnswer = z.object({
  rotations: z.array(
    z.object({
      alg: z.string(),
      outcome: z.enum(['rotated', 'scheduled']),
      kid: z.string().meta({ description: 'The key that signs, or will.' }),
      signs_from: z.iso.datetime(),
    }),
  ),
  keys: z.array(keyItem),
});

export const toRotationAnswer = ({
  rotations,
  keys,
}: RotationAnswer): z.output<typeof rotationAnswer> => ({
  rotations: rotations.map(({ signsFrom, ...rotation }) => ({
    ...rotation,
    signs_from: signsFrom.toISOString(),
  })),
  keys: keys.map(toKeyItem),
});

/** `POST /admin/v1/keys/{kid}/revoke`. */
export const keyRevocationBody = z.strictObject({ reason });

export const keyRevocationAnswer = revocationAnswer.extend({ keys: z.array(keyItem) });

export const toKeyRevocationAnswer = ({
  receipt,
  keys,
}: KeyRevocation): z.output<typeof keyRevocationAnswer> => ({
  ...toRevocationAnswer(receipt),
  keys: keys.map(toKeyItem),
});
