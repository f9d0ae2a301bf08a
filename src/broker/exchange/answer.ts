import type { Signer } from '../../keys/signer.ts';
import type { Issuance } from '../../ledger/ledger.ts';
import {
  type AuditRecord,
  type Binding,
  type LockTarget,
  type TokenRecord,
  thumbprintOf,
} from '../../ledger/records.ts';
import type { StatusPlaces } from '../../ledger/status-lists.ts';
import type { StorageDetail } from '../../protocol/authorization-details.ts';
import { mintOpaqueToken, tokenDigest } from '../../protocol/opaque-token.ts';
import type { InForce } from '../configuration.ts';
import { deviceIdOf, newTokenId } from '../identifiers.ts';
import type { CurrentKeys } from '../keys/current-keys.ts';
import { accessTokenClaims } from './access-token-claims.ts';
import type { Authority } from './authority.ts';
import { bindingOf } from './binding.ts';
import type { Exchange } from './exchange.ts';
import type { Settled } from './settle.ts';

/** What the caller gets, once it is on record. Law 4: this value is never logged or stored. */
export interface Credential {
  readonly accessToken: string;
  readonly tokenType: 'DPoP' | 'Bearer';
  /** Seconds. */
  readonly expiresIn: number;
  readonly tokenId: string;
  /** Epoch seconds. */
  readonly issuedAt: number;
  readonly scopes: readonly string[];
  readonly binding: Binding | undefined;
  readonly details: readonly StorageDetail[];
}

export interface Decided {
  readonly exchange: Pick<Exchange, 'app' | 'authority' | 'jkt' | 'proofs' | 'asked' | 'context'>;
  readonly settled: Pick<Settled, 'target' | 'parts' | 'scopes' | 'ttl' | 'lawfulBasis'>;
  readonly policies: readonly string[];
  readonly policyDigest: string;
  readonly inForce: InForce;
  readonly now: Date;
}

/** A credential before it exists: what to record, and how to answer once that is done. */
export interface Minted {
  readonly issuance: Issuance;
  /** Signs or reveals it. A promise where the private half is with an external signer. */
  readonly reveal: () => Credential | Promise<Credential>;
  /** Whether the key it is to be signed with has left its place meanwhile: minted again, it has another. */
  readonly hasLostItsKey: () => Promise<boolean>;
}

export type Mint = (decided: Decided) => Minted;

export const createMint =
  ({ keys, statusPlaces, issuer }: MintDependencies): Mint =>
  (decided) => {
    const { settled, now } = decided;
    // Tokens for Daypass's own API are opaque; a resource server chooses.
    const server = settled.target.kind === 'api' ? settled.target.server : undefined;
    const form: Form =
      server?.token_format === 'jwt'
        ? { signedBy: keys.signer(server.token_alg), statusIndex: statusPlaces.take() }
        : { value: mintOpaqueToken('at') };
    const token = toTokenRecord(decided, form);
    const credential = (accessToken: string): Credential => ({
      accessToken,
      tokenType: tokenTypeOf(token),
      expiresIn: settled.ttl,
      tokenId: token.tokenId,
      issuedAt: Math.floor(now.getTime() / 1000),
      scopes: settled.scopes,
      binding: token.binding,
      details: token.authorizationDetails,
    });
    return {
      issuance: toIssuance(decided, token),
      reveal: () => {
        if ('value' in form) return credential(form.value);
        const signed = form.signedBy.sign('at+jwt', accessTokenClaims(token, issuer));
        return typeof signed === 'string' ? credential(signed) : signed.then(credential);
      },
      hasLostItsKey: async () => {
        if ('value' in form) return false;
        await keys.follow();
        return keys.signer(form.signedBy.alg).kid !== form.signedBy.kid;
      },
    };
  };

/** Whoever holds it proves a key beside it, or on the connection (RFC 8705 §3: that is still `Bearer`). */
export const tokenTypeOf = ({ binding }: TokenRecord): Credential['tokenType'] =>
  binding?.method === 'dpop' ? 'DPoP' : 'Bearer';

export interface MintDependencies {
  readonly keys: Pick<CurrentKeys, 'signer'> & {
    /** Reads the keys anew, and fills a place that a revocation has left. */
    readonly follow: () => Promise<void>;
  };
  readonly statusPlaces: Pick<StatusPlaces, 'take'>;
  readonly issuer: string;
}

/** A bearer value of its own, or a signature over the record. */
type Form =
  | { readonly value: string }
  | { readonly signedBy: Signer; readonly statusIndex: number };

const toTokenRecord = (
  { exchange, settled, policies, policyDigest, now }: Decided,
  form: Form,
): TokenRecord => {
  const signingKey = 'signedBy' in form ? form.signedBy.kid : undefined;
  const { app, authority, context } = exchange;
  const tokenId = newTokenId(now);
  const binding = bindingOf(exchange);
  const deviceId = binding && deviceIdOf(thumbprintOf(binding));
  const bucket = settled.target.kind === 'bucket' ? settled.target.bucket : undefined;
  return {
    tokenId,
    tokenHash: 'value' in form ? tokenDigest(form.value) : undefined,
    format: 'value' in form ? 'opaque' : 'jwt',
    tenantId: authority.tenantId,
    appId: app.id,
    issuerId: authority.user?.issuerId,
    issuer: authority.user?.issuer,
    subject: authority.subject,
    userId: authority.user?.userId,
    deviceId,
    actors: authority.actors,
    mayAct: authority.mayAct,
    attributes: authority.user?.attributes ?? {},
    resource: settled.target.id,
    scopes: settled.scopes,
    authorizationDetails: settled.parts.map(({ detail }) => detail),
    binding,
    parentId: authority.held?.tokenId,
    rootId: authority.held?.rootId ?? tokenId,
    root: authority.root,
    grantId: authority.grantId,
    statusIndex: 'statusIndex' in form ? form.statusIndex : undefined,
    lineage: lineageOf(exchange, tokenId, deviceId, signingKey),
    policyDigest,
    policies,
    classification: bucket?.classification,
    lawfulBasis: settled.lawfulBasis,
    residency: bucket?.residency,
    signingKey,
    ip: context.ip,
    traceId: context.traceId,
    requestId: context.requestId,
    issuedAt: now,
    expiresAt: new Date((Math.floor(now.getTime() / 1000) + settled.ttl) * 1000),
  };
};

const lineageOf = (
  { app, authority }: Decided['exchange'],
  tokenId: string,
  deviceId: string | undefined,
  signingKey: string | undefined,
): readonly LockTarget[] => {
  const lineage: LockTarget[] = [...authority.lineage, `app:${app.id}`, `token:${tokenId}`];
  if (deviceId !== undefined) lineage.push(`device:${deviceId}`);
  if (signingKey !== undefined) lineage.push(`key:${signingKey}`);
  return [...new Set(lineage)];
};

const toIssuance = ({ exchange, inForce }: Decided, token: TokenRecord): Issuance => {
  const { authority, proofs, context } = exchange;
  const thumbprint = token.binding && thumbprintOf(token.binding);
  const { signIn, user } = authority;
  return {
    configuration: inForce.version,
    keys: token.lineage.filter((key) => key !== `token:${token.tokenId}`),
    authorities: authority.authorities,
    proofs: [...proofs, ...authority.seen],
    ...(signIn && {
      signIn: {
        tokenHash: signIn.tokenHash,
        thumbprint,
        expiresAt: new Date(signIn.expiresAt * 1000),
      },
    }),
    // Met for the first time, perhaps; who holds a token of ours has been met.
    ...(user &&
      !authority.held && {
        person: {
          userId: user.userId,
          issuer: user.issuer,
          subject: authority.subject,
          issuerId: user.issuerId,
          tenantId: authority.tenantId,
        },
      }),
    ...(thumbprint !== undefined && {
      device: { deviceId: deviceIdOf(thumbprint), thumbprint },
    }),
    token,
    ancestors: ancestorsOf(authority),
    audit: auditOf(token, context, ownerOf(exchange, inForce)),
  };
};

/** The closure: the parent, the actor's token, and every token that either descends from. */
const ancestorsOf = ({ held, actorLineage }: Authority): NonNullable<Issuance['ancestors']> => {
  const ofSubject = tokensIn(held?.lineage ?? []);
  const ofActor = tokensIn(actorLineage).filter((id) => !ofSubject.includes(id));
  return [
    ...ofSubject.map((ancestorId) => ({ ancestorId, via: 'subject' as const })),
    ...ofActor.map((ancestorId) => ({ ancestorId, via: 'actor' as const })),
  ];
};

const tokensIn = (lineage: readonly LockTarget[]): readonly string[] =>
  lineage.filter((key) => key.startsWith('token:')).map((key) => key.slice('token:'.length));

/** Law 9: where it is a machine that acts, the person who answers for it. */
const ownerOf = (
  { app, authority: { user, actors } }: Decided['exchange'],
  { index }: InForce,
): string | undefined => {
  const [newest] = actors;
  if (!newest) return user ? undefined : app.owner;
  return index.issuerByUrl(newest.issuer) ? undefined : index.app(newest.subject)?.owner;
};

const auditOf = (
  token: TokenRecord,
  { origin }: Decided['exchange']['context'],
  owner: string | undefined,
): AuditRecord => ({
  at: token.issuedAt,
  action: 'token.issue',
  outcome: 'granted',
  tenantId: token.tenantId,
  tokenId: token.tokenId,
  issuer: token.issuer,
  userId: token.userId,
  appId: token.appId,
  deviceId: token.deviceId,
  actors: token.actors,
  scopes: token.scopes,
  resource: token.resource,
  classification: token.classification,
  lawfulBasis: token.lawfulBasis,
  residency: token.residency,
  policyDigest: token.policyDigest,
  policies: token.policies,
  ip: token.ip,
  traceId: token.traceId,
  requestId: token.requestId,
  detail: {
    expires_at: token.expiresAt.toISOString(),
    parent_id: token.parentId,
    root_hash: token.root?.tokenHash,
    origin,
    owner,
  },
});
