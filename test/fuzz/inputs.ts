import { brokenHttp } from './broken-http.ts';
import { type Headers, toBytes } from './http-bytes.ts';
import { mutateForm, mutateJson, mutateText, mutateValue, word } from './malformed.ts';
import type { Random } from './random.ts';
import { type Draft, drafts, proofClaims } from './requests.ts';
import type { Held } from './target.ts';

export interface Input {
  /** The endpoint, or what kind of nonsense it is. */
  readonly name: string;
  readonly origin: Draft['origin'];
  readonly bytes: Buffer;
  /** The client ends its side after sending. */
  readonly half: boolean;
}

/** What is done to a good request. */
const DISTORTIONS = ['body', 'credential', 'proof', 'path', 'query', 'headers', 'method'] as const;
type Distortion = (typeof DISTORTIONS)[number];

/** One malformed input. The same chance and the same holdings make the same bytes. */
export const makeInput = (random: Random, held: Held): Input => {
  if (random.once(7)) {
    const origin = random.once(4) ? 'content' : 'api';
    return { name: 'broken HTTP', origin, bytes: brokenHttp(random), half: random.once(2) };
  }
  const draft = random.pick(drafts(held));
  const done = new Set<Distortion>();
  if (draft.json || draft.form) done.add('body');
  while (done.size === 0 || random.once(3)) done.add(random.pick(DISTORTIONS));
  // A body is most of what there is to get wrong; now and then it stays as it should be.
  if (done.size > 1 && random.once(2)) done.delete('body');
  return {
    name: `${draft.method} ${draft.path.replaceAll(/\/[a-z]{2}_\w+/g, '/{id}')}`,
    origin: draft.origin,
    bytes: toBytes(
      done.has('method') ? methodOf(random) : draft.method,
      targetOf(random, draft, done),
      headersOf(random, draft, held, done),
      bodyOf(random, draft, done),
    ),
    half: false,
  };
};

const methodOf = (random: Random): string =>
  random.pick(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']);

const targetOf = (random: Random, draft: Draft, done: ReadonlySet<Distortion>): string => {
  const path = done.has('path') ? spoil(random, draft.path) : draft.path;
  const valid = draft.query ?? {};
  // The plan of a configuration is asked for; the configuration itself stays.
  const query =
    done.has('query') && draft.method !== 'PUT' ? mutateForm(random, valid) : form(valid);
  return query === '' ? path : `${path}?${query}`;
};

const form = (fields: Readonly<Record<string, string>>): string =>
  new URLSearchParams(fields).toString();

/** A path in which spaces and line ends would end it: they come encoded, or rarely as they are. */
const spoil = (random: Random, path: string): string => {
  const spoilt = mutateText(random, path);
  return random.once(8) ? spoilt : `/${encodeURI(spoilt.toWellFormed()).replace(/^\//, '')}`;
};

const bodyOf = (random: Random, draft: Draft, done: ReadonlySet<Distortion>): Buffer | string => {
  if (draft.json)
    return done.has('body') ? mutateJson(random, draft.json) : JSON.stringify(draft.json);
  if (draft.form) return done.has('body') ? mutateForm(random, draft.form) : form(draft.form);
  return done.has('body') ? mutateJson(random, {}) : '';
};

const headersOf = (
  random: Random,
  draft: Draft,
  held: Held,
  done: ReadonlySet<Distortion>,
): Headers => {
  const headers: (readonly [string, string])[] = [
    ['Host', 'localhost'],
    ['Content-Type', draft.form ? 'application/x-www-form-urlencoded' : 'application/json'],
    ...Object.entries(draft.headers ?? {}),
  ];
  const credential = credentialOf(random, draft, held, done.has('credential'));
  if (credential !== undefined) headers.push(['Authorization', credential]);
  const needsProof = draft.as === 'admin' || (draft.as === 'sign-in' && random.once(4));
  if (needsProof || done.has('proof')) {
    const proof = proofOf(random, draft, held, done.has('proof'));
    headers.push(...Array(random.once(20) ? 2 : 1).fill(['DPoP', proof]));
  }
  if (done.has('headers')) headers.push(...junk(random));
  return headers;
};

const credentialOf = (
  random: Random,
  draft: Draft,
  held: Held,
  isSpoilt: boolean,
): string | undefined => {
  const good = goodCredential(draft, held);
  if (!isSpoilt) return good;
  if (draft.as === 'sign-in' && !random.once(3)) return `Bearer ${spoiltIdToken(random, held)}`;
  return oneLine(mutateText(random, good ?? `Bearer ${held.token}`));
};

const goodCredential = (draft: Draft, held: Held): string | undefined => {
  switch (draft.as) {
    case 'sign-in':
      return `Bearer ${held.idToken(held.idClaims, {})}`;
    case 'token':
      return `Bearer ${held.token}`;
    case 'admin':
      return `DPoP ${held.adminToken}`;
    case 'service':
      return `Basic ${held.basic}`;
    case 'nobody':
      return undefined;
  }
};

/** Its signature is good: what is wrong is what it says. */
const spoiltIdToken = (random: Random, held: Held): string => {
  const claims = random.once(5)
    ? mutateJson(random, held.idClaims).toString('latin1')
    : mutateValue(random, held.idClaims);
  const header = random.once(3) ? mutateValue(random, { alg: 'ES256', typ: 'JWT', kid: 'ec' }) : {};
  const token = held.idToken(claims, header);
  return random.once(4) ? oneLine(mutateText(random, token)) : token;
};

const proofOf = (random: Random, draft: Draft, held: Held, isSpoilt: boolean): string => {
  const claims = proofClaims(random, held, draft);
  if (!isSpoilt) return held.proof(claims, held.proofHeader);
  if (random.once(5)) return oneLine(mutateText(random, held.proof(claims, held.proofHeader)));
  return held.proof(
    random.once(2) ? mutateValue(random, claims) : claims,
    random.once(2) ? mutateValue(random, held.proofHeader) : held.proofHeader,
  );
};

const NAMES = [
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'Forwarded',
  'Origin',
  'Referer',
  'Cookie',
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'Content-Type',
  'Content-Encoding',
  'Range',
  'If-Range',
  'If-None-Match',
  'Expect',
  'traceparent',
  'User-Agent',
  'Authorization',
  'DPoP',
  'X-Request-Id',
  'X-HTTP-Method-Override',
  'Access-Control-Request-Method',
  'Access-Control-Request-Headers',
  'Sec-Fetch-Site',
] as const;

const junk = (random: Random): Headers =>
  Array.from({ length: 1 + random.int(4) }, () => [
    random.pick(NAMES),
    oneLine(word(random)).slice(0, random.once(20) ? 30_000 : 1_000),
  ]);

/** Without what would end the header: `broken HTTP` has that. Half of it fits no header even so. */
const oneLine = (text: string): string => text.replaceAll(/[\r\n\0]/g, '');
