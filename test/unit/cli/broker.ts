import { createProofReader } from '../../../src/identity/dpop-proof.ts';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown> | undefined;
  /** Claims of the proof, whose signature has been checked; and the key it was made with. */
  readonly proof: Record<string, unknown> | undefined;
  readonly jkt: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const NONCE = 'a-nonce-of-this-broker';

/** A broker as seen through `fetch`: it wants nonces, and answers by path. */
export const brokerThat = (answers: Readonly<Record<string, Answer>>) => {
  const received: Received[] = [];
  const readProof = createProofReader();
  const answer = (request: Received): Answer => {
    if (request.proof !== undefined && request.proof.nonce !== NONCE)
      return { status: 401, body: { error: 'use_dpop_nonce', error_description: 'a nonce' } };
    const { pathname } = new URL(request.url);
    return (
      answers[`${request.method} ${pathname}`] ?? { status: 404, body: { error: 'not_found' } }
    );
  };
  const fake = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    const signed = headers.has('DPoP') ? readProof(headers.get('DPoP') ?? '') : undefined;
    const request: Received = {
      method: init.method ?? 'GET',
      url,
      authorization: headers.get('Authorization'),
      headers: Object.fromEntries(headers),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
      proof: signed?.claims,
      jkt: signed?.jkt,
    };
    received.push(request);
    const { status, body, headers: more } = answer(request);
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
    return new Response(text, { status, headers: { 'DPoP-Nonce': NONCE, ...more } });
  };
  return { received, fetch: fake as typeof fetch };
};

export const issuedToken = {
  access_token: 'dp_at_of_this_test',
  token_type: 'DPoP',
  expires_in: 300,
  token_id: 'tk_1',
  scopes: ['storage:bucket:b:read'],
  binding: { method: 'dpop', jkt: 'thumbprint' },
};
