import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { AuthClient, GoogleAuth } from 'google-auth-library';
import { unavailable } from '../../protocol/oauth-error.ts';
import { type Authorize, type Call, createCall } from './http.ts';
import { type BlobSigner, createIamSigner, createKeySigner } from './sign-blob.ts';

/** Who the broker is to Google. */
export type GcsCredentials =
  /** What surrounds the process; `serviceAccount` signs, where it is not what the process runs as. */
  | { readonly kind: 'ambient'; readonly serviceAccount?: string }
  /** The JSON of a service account's key, which signs for ever: only by explicit choice. */
  | { readonly kind: 'service_account'; readonly json: () => string }
  /** A workload identity pool that trusts whoever signs the assertion, and a service account it may act as. */
  | {
      readonly kind: 'web_identity';
      readonly audience: string;
      readonly serviceAccount: string;
      readonly assertion: () => Promise<string>;
    };

/** What one identity can do: call, and sign. */
export interface Identity {
  readonly call: Call;
  readonly signer: BlobSigner;
}

/** Objects, and signing with a key that Google keeps. */
const SCOPES = [
  'https://www.googleapis.com/auth/devstorage.read_write',
  'https://www.googleapis.com/auth/iam',
];
const IAM = 'https://iamcredentials.googleapis.com';

const authorizeBy =
  (client: () => Promise<AuthClient>): Authorize =>
  async (url) => {
    const headers = await (await client()).getRequestHeaders(url);
    const authorization = headers.get('authorization');
    if (authorization === null) throw unavailable('the Google client has no token');
    return authorization;
  };

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
};

const fromKey = (json: string): Identity => {
  const { email, key } = parse(json);
  const client = once(async () => {
    const { JWT } = await import('google-auth-library');
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const jwt = new JWT({ email, key: pem, scopes: SCOPES });
    // Its own token, signed here: no call for one, and nothing at rest elsewhere.
    jwt.useJWTAccessWithScope = true;
    return jwt;
  });
  return {
    call: createCall(authorizeBy(client)),
    signer: createKeySigner(email, key),
  };
};

const parse = (json: string): { readonly email: string; readonly key: KeyObject } => {
  try {
    const { client_email: email, private_key: key } = JSON.parse(json);
    if (typeof email !== 'string') throw new TypeError('no account');
    return { email, key: createPrivateKey(key) };
  } catch {
    // Whatever was wrong with it, it is not quoted.
    throw unavailable('the service account key is not one');
  }
};

const fromSurroundings = ({
  serviceAccount,
}: Extract<GcsCredentials, { kind: 'ambient' }>): Identity => {
  const auth = once(async () => {
    const { GoogleAuth } = await import('google-auth-library');
    return new GoogleAuth({ scopes: SCOPES });
  });
  const call = createCall(authorizeBy(async () => (await auth()).getClient()));
  const account = once(async () => {
    const email = serviceAccount ?? (await emailOf(await auth()));
    if (email === undefined)
      throw unavailable('the ambient Google credentials are no service account: name one');
    return email;
  });
  return { call, signer: createIamSigner({ account, call }) };
};

/** The metadata server is asked; that it does not answer is an outage. */
const emailOf = async (auth: GoogleAuth): Promise<string | undefined> => {
  try {
    return (await auth.getCredentials()).client_email;
  } catch (error) {
    throw unavailable('the ambient Google credentials are not to be had', error);
  }
};

const fromAssertion = ({
  audience,
  serviceAccount,
  assertion,
}: Extract<GcsCredentials, { kind: 'web_identity' }>): Identity => {
  const client = once(async () => {
    const { IdentityPoolClient } = await import('google-auth-library');
    return new IdentityPoolClient({
      type: 'external_account',
      audience,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: 'https://sts.googleapis.com/v1/token',
      service_account_impersonation_url: `${IAM}/v1/projects/-/serviceAccounts/${encodeURIComponent(serviceAccount)}:generateAccessToken`,
      subject_token_supplier: { getSubjectToken: assertion },
      scopes: SCOPES,
    });
  });
  const call = createCall(authorizeBy(client));
  return { call, signer: createIamSigner({ account: async () => serviceAccount, call }) };
};

/** The identity of the moment; a key that was rotated in its file is another. */
export const createIdentity = (credentials: GcsCredentials): (() => Identity) => {
  switch (credentials.kind) {
    case 'ambient': {
      const identity = fromSurroundings(credentials);
      return () => identity;
    }
    case 'web_identity': {
      const identity = fromAssertion(credentials);
      return () => identity;
    }
    case 'service_account': {
      let known: { readonly json: string; readonly identity: Identity } | undefined;
      return () => {
        const json = credentials.json();
        if (known?.json !== json) known = { json, identity: fromKey(json) };
        return known.identity;
      };
    }
  }
};
