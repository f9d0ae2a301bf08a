import { describe, expect, it } from '@jest/globals';
import { createVouch } from '../../../src/broker/credentials/vouch.ts';
import type { Bucket } from '../../../src/config/deployment.ts';
import type { Signer } from '../../../src/keys/signer.ts';
import type { AuditRecord } from '../../../src/ledger/records.ts';

/** What Daypass says of itself to a cloud. The signature is checked in the story; here, when it is made. */

const NOW = new Date('2026-11-22T12:00:00.900Z');
const bucket = { id: 'b', tenant: 'acme' } as Bucket;

const open = ({ fails = false } = {}) => {
  const steps: string[] = [];
  const events: AuditRecord[] = [];
  const signed: Readonly<Record<string, unknown>>[] = [];
  const sign: Signer['sign'] = (_, payload) => {
    steps.push('sign');
    signed.push({ ...payload });
    return 'a.b.c';
  };
  const vouch = createVouch({
    keys: {
      signer: () => ({ kid: 'k', sign }) as Signer,
      follow: async () => void steps.push('follow'),
    },
    audit: {
      append: async (event) => {
        steps.push('record');
        if (fails) throw new Error('the database is away');
        return events.push(event) > 0;
      },
    },
    issuer: 'https://daypass.example',
    now: () => NOW,
  });
  return { vouch, steps, events, signed };
};

describe('law 1: a vouch', () => {
  it('is signed once it is on record, by keys that were just read', async () => {
    const { vouch, steps, events, signed } = open();
    expect(await vouch(bucket, 'sts.amazonaws.com')).toBe('a.b.c');
    expect(steps).toEqual(['follow', 'record', 'sign']);
    expect(events).toMatchObject([{ action: 'cloud.vouch', detail: { jti: signed[0]?.jti } }]);
  });

  it('is not signed at all where it cannot be recorded', async () => {
    const { vouch, steps } = open({ fails: true });
    await expect(vouch(bucket, 'sts.amazonaws.com')).rejects.toThrow('the database is away');
    expect(steps).toEqual(['follow', 'record']);
  });

  it('lives two minutes, and is good for a cloud whose clock is half a minute behind', async () => {
    const { vouch, signed } = open();
    await vouch(bucket, 'sts.amazonaws.com');
    const at = Date.parse('2026-11-22T12:00:00Z') / 1000;
    expect(signed[0]).toMatchObject({ iat: at - 30, nbf: at - 30, exp: at + 120 });
  });
});
