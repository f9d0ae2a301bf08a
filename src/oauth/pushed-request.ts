import type { KoaContextWithOIDC } from 'oidc-provider';
import { mustFitProfile } from '../broker/app-profile.ts';
import type { Audited } from '../broker/audited.ts';
import { replayedProof } from '../broker/exchange/refused.ts';
import { seen } from '../broker/held-token.ts';
import type { App } from '../config/deployment.ts';
import type { Dpop } from '../identity/dpop.ts';
import { OAuthError } from '../protocol/oauth-error.ts';

export interface RequestProofDependencies extends Audited {
  readonly dpop: Dpop;
  readonly issuer: string;
}

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/**
 * RFC 9449 §10: which key the code will be bound to, said in `dpop_jkt` or proven where the request is pushed; if
 * both, they are the same (D12).
 *
 * @returns the thumbprint; undefined where neither is there.
 */
export const createKeyOfRequest =
  ({ dpop, issuer, audit, now }: RequestProofDependencies) =>
  async (ctx: KoaContextWithOIDC, said: unknown, app: App): Promise<string | undefined> => {
    mustBeThumbprint(said);
    const header = ctx.req.headersDistinct.dpop;
    // At /authorize a proof would be the browser's, and means nothing.
    if (ctx.oidc.route !== 'pushed_authorization_request' || !header) return said;
    const request = { method: 'POST', url: `${issuer}/par`, beside: 'request' } as const;
    const proof = dpop.verify(header.length === 1 ? header[0] : header, request, now());
    mustFitProfile(app, proof, now());
    if (said !== undefined && said !== proof.jkt) throw otherKey();
    const event = { at: now(), action: 'authorization.push', outcome: 'granted' } as const;
    const known = { tenantId: app.tenant, appId: app.id };
    if (!(await audit.append({ ...event, ...known }, seen(proof)))) throw replayedProof();
    return proof.jkt;
  };

function mustBeThumbprint(said: unknown): asserts said is string | undefined {
  if (said === undefined || (typeof said === 'string' && THUMBPRINT.test(said))) return;
  throw notAThumbprint();
}

const invalid = (rule: string, message: string, remedy: string): OAuthError =>
  new OAuthError('invalid_request', message, {
    violations: [{ field: 'dpop_jkt', rule, message, remedy }],
  });

const notAThumbprint = (): OAuthError =>
  invalid(
    'thumbprint',
    'dpop_jkt is not the thumbprint of a key',
    'send the RFC 7638 thumbprint of the key, SHA-256 and base64url',
  );

const otherKey = (): OAuthError =>
  invalid(
    'same_key',
    'dpop_jkt names another key than the DPoP proof',
    'leave dpop_jkt out, or send that of the key the proof is made with',
  );
