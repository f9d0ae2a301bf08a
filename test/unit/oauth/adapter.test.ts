import { describe, expect, it } from '@jest/globals';
import { errors } from 'oidc-provider';
import type { Artifact, Artifacts } from '../../../src/ledger/artifacts.ts';
import { createAdapter, hashOf } from '../../../src/oauth/adapter.ts';

const NOW = new Date('2030-01-01T00:00:00Z');

/** Artifacts in memory, with what was asked of them. */
const memory = () => {
  const kept = new Map<string, Artifact & { consumedAt: Date | undefined }>();
  const destroyed: string[] = [];
  const artifacts: Artifacts = {
    put: async (artifact) => {
      kept.set(`${artifact.model}/${artifact.idHash}`, { ...artifact, consumedAt: undefined });
    },
    putOnce: async () => true,
    find: async (model, idHash) => kept.get(`${model}/${idHash}`),
    findByUid: async (model, uid) =>
      [...kept.values()].find((one) => one.model === model && one.uid === uid),
    findByUserCode: async () => undefined,
    open: async () => [],
    consume: async (model, idHash, at) => {
      const found = kept.get(`${model}/${idHash}`);
      if (!found || found.consumedAt) return false;
      kept.set(`${model}/${idHash}`, { ...found, consumedAt: at });
      return true;
    },
    destroy: async (model, idHash) => {
      kept.delete(`${model}/${idHash}`);
    },
    destroyGrant: async (grantId) => {
      destroyed.push(grantId);
    },
  };
  const factory = createAdapter({
    artifacts,
    client: (id) => (id === 'known' ? { client_id: id } : undefined),
    now: () => NOW,
  }) as (model: string) => import('oidc-provider').Adapter;
  return { kept, destroyed, adapter: factory };
};

describe('what the library keeps', () => {
  it('is kept under a hash of its id, which nothing that is stored repeats', async () => {
    const { adapter, kept } = memory();
    await adapter('AuthorizationCode').upsert('the-code', { jti: 'the-code', scope: 'x' }, 60);
    expect([...kept.keys()]).toEqual([`AuthorizationCode/${hashOf('the-code')}`]);
    expect(JSON.stringify([...kept.values()])).not.toContain('the-code');
    expect([...kept.values()][0]?.expiresAt).toEqual(new Date(NOW.getTime() + 60_000));
    expect(await adapter('AuthorizationCode').find('the-code')).toEqual({
      jti: 'the-code',
      scope: 'x',
    });
  });

  it('is of one model: an id of another finds nothing', async () => {
    const { adapter } = memory();
    await adapter('AuthorizationCode').upsert('id', {}, 60);
    expect(await adapter('RefreshToken').find('id')).toBeUndefined();
  });

  it('is used up once: whoever comes second is refused, and ends all that came of it', async () => {
    const { adapter, destroyed } = memory();
    const codes = adapter('AuthorizationCode');
    await codes.upsert('id', { grantId: 'grant-1' }, 60);
    const uses = await Promise.allSettled([codes.consume('id'), codes.consume('id')]);
    expect(uses.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(uses.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: expect.any(errors.InvalidGrant),
    });
    expect(destroyed).toEqual(['grant-1']);
    expect(await codes.find('id')).toMatchObject({ consumed: NOW.getTime() / 1000 });
  });

  it('is refused where it never was', async () => {
    const { adapter, destroyed } = memory();
    await expect(adapter('AuthorizationCode').consume('id')).rejects.toThrow(errors.InvalidGrant);
    expect(destroyed).toEqual([]);
  });

  it('has no clients: they are configuration, and nobody writes them here', async () => {
    const { adapter, kept } = memory();
    const clients = adapter('Client');
    expect(await clients.find('known')).toEqual({ client_id: 'known' });
    expect(await clients.find('unknown')).toBeUndefined();
    await expect(clients.upsert('known', {}, 60)).rejects.toThrow(errors.InvalidRequest);
    expect(kept.size).toBe(0);
  });
});
