import { createProofKey, type ProofKey } from './dpop.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly form?: Record<string, string | readonly string[]>;
  readonly headers?: Record<string, string>;
  /** Sent as `Bearer`, or as `DPoP` where a key is given and `bound` is not false. */
  readonly token?: string;
  readonly key?: ProofKey;
  /** False: the proof accompanies a bearer credential, as at /exchange with an ID token. */
  readonly bound?: boolean;
}

/**
 * A client of one broker: JSON in and out, proofs and nonces where it has a key.
 *
 * @param issuer what proofs name, where `base` is one instance among several.
 */
export const createClient = (base: string, issuer = base) => {
  let nonce: string | undefined;

  const once = async (path: string, options: CallOptions): Promise<Answer> => {
    const method =
      options.method ?? (options.body === undefined && options.form === undefined ? 'GET' : 'POST');
    const isBound =
      options.key !== undefined && options.bound !== false && options.token !== undefined;
    const url = `${base}${path}`;
    const proof = options.key?.prove({
      method,
      url: `${issuer}${path.split('?')[0]}`,
      nonce,
      ...(isBound && options.token ? { accessToken: options.token } : {}),
    });
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        ...(options.token && { authorization: `${isBound ? 'DPoP' : 'Bearer'} ${options.token}` }),
        ...(proof && { dpop: proof }),
        ...options.headers,
      },
      ...(options.form ? { body: toForm(options.form) } : {}),
      ...(options.body === undefined
        ? {}
        : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
    });
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text), text };
  };

  return {
    call: async (path: string, options: CallOptions = {}): Promise<Answer> => {
      const answer = await once(path, options);
      const wantsNonce = answer.body.error === 'use_dpop_nonce';
      return wantsNonce && options.key ? once(path, options) : answer;
    },
    nonce: () => nonce,
  };
};

export type Client = ReturnType<typeof createClient>;

const toForm = (form: NonNullable<CallOptions['form']>): URLSearchParams => {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    for (const each of [value].flat()) params.append(name, String(each));
  }
  return params;
};

const parse = (text: string): Answer['body'] => {
  try {
    return JSON.parse(text) as Answer['body'];
  } catch {
    return {} as Answer['body'];
  }
};

export const newKey = (): ProofKey => createProofKey();
