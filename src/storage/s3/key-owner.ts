import { unavailable } from '../../protocol/oauth-error.ts';
import type { CredentialSource } from './held-credentials.ts';
import type { S3Credentials } from './signature-v4.ts';
import { type TokenServicePlace, tokenServiceAt } from './token-service.ts';

/** Whose a key is, as far as the token service of its storage says. */
export type KeyOwner = 'root' | 'other' | 'unknown';

export type AskKeyOwner = (
  place: TokenServicePlace,
  credentials: S3Credentials,
) => Promise<KeyOwner>;

/** Milliseconds for all of it: who cannot reach the token service stores all the same. */
const PATIENCE = 3_000;

/** Milliseconds after which AWS is asked again, where it did not say. */
const AGAIN = 60_000;

/**
 * The root user of an account, and its sessions. What emulators say of whoever asks is no account of anybody's: its
 * number is all zeros.
 */
const ROOT = /^arn:[\w-]+:iam::(?!0{12}:)\w+:root$/;

/**
 * Asks the token service whose a key is: by its look, nobody can tell. AWS answers this to everybody, whatever
 * policies say. Storage without a token service answers something else, which is `unknown`. Each key is asked about
 * until there was an answer, and then no more.
 */
export const createKeyOwners = (): AskKeyOwner => {
  const known = new Map<string, Promise<KeyOwner>>();
  return (place, credentials) => {
    const id = JSON.stringify([place.region, place.endpoint, credentials.accessKeyId]);
    const asked = known.get(id);
    if (asked !== undefined) return asked;
    const answer = ask(place, credentials).then((owner) => {
      if (owner === 'unknown') known.delete(id);
      return owner;
    });
    known.set(id, answer);
    return answer;
  };
};

const ask = async (
  { region, endpoint }: TokenServicePlace,
  { accessKeyId, secretAccessKey }: S3Credentials,
): Promise<KeyOwner> => {
  const { STSClient, GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  const client = new STSClient({
    region,
    endpoint: tokenServiceAt({ region, endpoint }),
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
  try {
    const abortSignal = AbortSignal.timeout(PATIENCE);
    const { Arn } = await client.send(new GetCallerIdentityCommand({}), { abortSignal });
    if (Arn === undefined) return 'unknown';
    return ROOT.test(Arn) ? 'root' : 'other';
  } catch {
    return 'unknown';
  } finally {
    client.destroy();
  }
};

export interface RefuseRootKeys {
  readonly place: TokenServicePlace;
  readonly ownerOf: AskKeyOwner;
  readonly now: () => Date;
}

/**
 * The same credentials, but for keys of a root user: those can do everything, no policy holds them, and no URL that
 * they signed can be cut but by deleting them. Sessions are not asked about, as they end by themselves.
 *
 * It leans open where nobody says whose a key is: it keeps whoever runs the broker from a mistake, not an attacker
 * out, and storage must not need a token service in reach.
 *
 * @throws {OAuthError} `temporarily_unavailable` (by the source) for a key of a root user
 */
export const refuseRootKeys = (
  source: CredentialSource,
  { place, ownerOf, now }: RefuseRootKeys,
): CredentialSource => {
  let last: { readonly id: string; readonly owner: KeyOwner; readonly at: number } | undefined;

  const learn = async (credentials: S3Credentials): Promise<S3Credentials> => {
    const at = now().getTime();
    const id = credentials.accessKeyId;
    last = { id, at, owner: await ownerOf(place, credentials) };
    return passed(credentials, last.owner);
  };

  const check = (credentials: S3Credentials): S3Credentials | Promise<S3Credentials> => {
    if (credentials.sessionToken !== undefined) return credentials;
    if (last?.id !== credentials.accessKeyId) return learn(credentials);
    if (isDue(last, place, now())) {
      last = { ...last, at: now().getTime() };
      // Nobody waits for it a second time: what it finds holds from the next use on.
      learn(credentials).catch(() => undefined);
    }
    return passed(credentials, last.owner);
  };

  return (seconds) => {
    const given = source(seconds);
    return given instanceof Promise ? given.then(check) : check(given);
  };
};

/** Only AWS is known to have a token service, so that it may answer another time. */
const isDue = (
  { owner, at }: { readonly owner: KeyOwner; readonly at: number },
  { endpoint }: TokenServicePlace,
  now: Date,
): boolean => owner === 'unknown' && endpoint === undefined && now.getTime() - at >= AGAIN;

const passed = (credentials: S3Credentials, owner: KeyOwner): S3Credentials => {
  if (owner !== 'root') return credentials;
  throw unavailable(`the key ${credentials.accessKeyId} is the root user's: it signs nothing here`);
};
