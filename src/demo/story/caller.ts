import { type Narrator, StepFailed, type ToldAnswer } from './narrator.ts';
import type { ProofKey } from './proof-key.ts';

export interface Call {
  readonly method?: string;
  /** A path of the broker, or a whole URL. */
  readonly to: string;
  readonly json?: object;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** As `DPoP`, with a proof for it; as `Bearer` where `scheme` says so. */
  readonly token?: string;
  readonly scheme?: 'Bearer' | 'DPoP';
  /** Makes the proof; without one none is sent. */
  readonly key?: ProofKey;
  /** Headers of the answer that are part of the story. */
  readonly show?: readonly string[];
  /** Not told: a question asked over and over. */
  readonly quietly?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Empty where the answer is not a JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

export type Caller = (call: Call) => Promise<Answer>;

/** What a micro app does with HTTP, told while it happens: proofs, nonces, and asking again for a nonce. */
export const createCaller = (base: string, narrator: Narrator): Caller => {
  let nonce: string | undefined;

  const once = async (call: Call, url: string): Promise<Answer> => {
    const method = methodOf(call);
    const headers = headersOf(call, method, url, nonce);
    const body = bodyOf(call);
    if (!call.quietly) narrator.request({ method, url, headers, body: told(call) });
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    const answer = await read(response);
    if (!call.quietly) narrator.answer(toTell(answer, call.show ?? []));
    return answer;
  };

  return async (call) => {
    const url = new URL(call.to, base).href;
    const answer = await once(call, url);
    // RFC 9449 §8: the first proof has no nonce yet, and the refusal brings one.
    if (answer.body.error !== 'use_dpop_nonce' || !call.key) return answer;
    return once(call, url);
  };
};

const methodOf = ({ method, json }: Call): string => method ?? (json ? 'POST' : 'GET');

const bodyOf = ({ json, bytes }: Call): string | Uint8Array<ArrayBuffer> | undefined =>
  json ? JSON.stringify(json) : bytes;

const headersOf = (
  { token, scheme = 'DPoP', key, headers, json }: Call,
  method: string,
  url: string,
  nonce: string | undefined,
): Record<string, string> => ({
  ...(token === undefined ? {} : { Authorization: `${scheme} ${token}` }),
  ...(key && {
    DPoP: key.prove({
      method,
      url,
      nonce,
      accessToken: scheme === 'DPoP' ? token : undefined,
    }),
  }),
  ...(json && { 'Content-Type': 'application/json' }),
  ...headers,
});

const told = ({ json, bytes }: Call): unknown => json ?? (bytes && `(${bytes.length} bytes)`);

const read = async (response: Response): Promise<Answer> => {
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes, body: parse(bytes) };
};

const parse = (bytes: Buffer): Answer['body'] => {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? (value as Answer['body']) : {};
  } catch {
    return {};
  }
};

const toTell = (answer: Answer, show: readonly string[]): ToldAnswer => {
  const { status, bytes, body } = answer;
  const headers = Object.fromEntries(show.map((name) => [name, answer.headers.get(name) ?? '']));
  if (Object.keys(body).length > 0) return { status, headers, body };
  return bytes.length === 0 ? { status, headers } : { status, headers, body: sizeOf(bytes) };
};

const sizeOf = (bytes: Buffer): string => `(${bytes.length} bytes)`;

/** A member of an answer that must be a text. @throws {StepFailed} */
export const textOf = ({ body }: Answer, member: string): string => {
  const value = body[member];
  if (typeof value === 'string') return value;
  throw new StepFailed(`the answer has no ${member}`);
};
