import { hash } from 'node:crypto';
import { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider';
import type { Artifact, Artifacts, FoundArtifact } from '../ledger/artifacts.ts';

export interface AdapterDependencies {
  readonly artifacts: Artifacts;
  /** The metadata of a client, or undefined: clients are configuration, never stored here. */
  readonly client: (clientId: string) => AdapterPayload | undefined;
  readonly now: () => Date;
}

/**
 * Keeps what oidc-provider asks to be kept: under a hash of its id, with every single use one atomic
 * statement. The library looks and then writes (security.md F1, F3), so what must happen once is
 * refused here, whatever it has seen before.
 */
export const createAdapter =
  (dependencies: AdapterDependencies): AdapterFactory =>
  (model) =>
    model === 'Client' ? clientAdapter(dependencies) : artifactAdapter(model, dependencies);

const artifactAdapter = (model: string, { artifacts, now }: AdapterDependencies): Adapter => ({
  upsert: async (id, payload, expiresIn) => {
    const artifact = toArtifact(model, id, payload, expiresIn, now());
    await artifacts.put(artifact);
  },
  find: async (id) => revive(alive(await artifacts.find(model, hashOf(id)), now()), id),
  findByUid: async (uid) => revive(alive(await artifacts.findByUid(model, uid), now())),
  findByUserCode: async (userCode) =>
    revive(alive(await artifacts.findByUserCode(model, userCode), now())),
  consume: async (id) => {
    if (await artifacts.consume(model, hashOf(id), now())) return;
    // Somebody used it between our caller's look and this: it is stolen, or presented twice.
    const used = await artifacts.find(model, hashOf(id));
    const grantId = (used?.payload as AdapterPayload | undefined)?.grantId;
    if (grantId !== undefined) await artifacts.destroyGrant(grantId);
    throw new errors.InvalidGrant('already used');
  },
  destroy: (id) => artifacts.destroy(model, hashOf(id)),
  revokeByGrantId: (grantId) => artifacts.destroyGrant(grantId),
});

const clientAdapter = ({ client }: AdapterDependencies): Adapter => {
  const readOnly = (): never => {
    throw new errors.InvalidRequest('clients are registered through the configuration');
  };
  return {
    find: async (id) => client(id),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    upsert: async () => readOnly(),
    consume: async () => readOnly(),
    destroy: async () => readOnly(),
    revokeByGrantId: async () => readOnly(),
  };
};

/** What is stored cannot be presented: ids are kept as hashes, and the payload does not repeat them. */
const toArtifact = (
  model: string,
  id: string,
  { jti: _, ...payload }: AdapterPayload,
  expiresIn: number | undefined,
  now: Date,
): Artifact => ({
  model,
  idHash: hashOf(id),
  payload,
  grantId: payload.grantId,
  uid: payload.uid,
  userCode: payload.userCode,
  expiresAt: expiresIn ? new Date(now.getTime() + expiresIn * 1000) : undefined,
});

/** By the ledger's clock (law 8): the library compares with the one of this machine. */
const alive = (found: FoundArtifact | undefined, now: Date): FoundArtifact | undefined =>
  found?.expiresAt && found.expiresAt <= now ? undefined : found;

const revive = (found: FoundArtifact | undefined, id?: string): AdapterPayload | undefined =>
  found && {
    ...found.payload,
    ...(id === undefined ? {} : { jti: id }),
    ...(found.consumedAt && { consumed: Math.floor(found.consumedAt.getTime() / 1000) }),
  };

export const hashOf = (id: string): string => hash('sha256', id, 'base64url');
