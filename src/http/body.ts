import type { IncomingMessage } from 'node:http';
import { OAuthError } from '../protocol/oauth-error.ts';

/** Bytes of a JSON body: our largest honest request is a configuration. */
export const MAX_BODY = 48 * 1024;
export const MAX_CONFIGURATION = 1024 * 1024;

/**
 * The JSON object in a request body, whatever its Content-Type says.
 *
 * @param isOptional whether no body at all is an empty object.
 * @throws {OAuthError} `payload_too_large`, or `invalid_request` for anything that is not an object of
 *   well-formed text: NUL and lone surrogates fit no column, `__proto__` names no member.
 */
export const readJson = async (
  request: IncomingMessage,
  limit: number,
  isOptional = false,
): Promise<object> => {
  const text = decode(await readBytes(request, limit));
  if (isOptional && text === '') return {};
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw NO_OBJECT();
  mustBeSound(value, 0);
  return value;
};

/** Bytes: what SNS sends at most. */
const MAX_EVENT = 256 * 1024;

/** As {@link readJson}, of a cloud: an object or a list, and larger. */
export const readEvent = async (request: IncomingMessage): Promise<object> => {
  const value = parse(decode(await readBytes(request, MAX_EVENT)));
  if (typeof value !== 'object' || value === null) throw NO_OBJECT();
  mustBeSound(value, 0);
  return value;
};

const NO_OBJECT = (): OAuthError =>
  malformed('json_object', 'the body must be a JSON object', 'send { … } as UTF-8 JSON');

/**
 * The members of a form (`application/x-www-form-urlencoded`), whatever its Content-Type says.
 *
 * @throws {OAuthError} `payload_too_large`, or `invalid_request` for a member given twice (RFC 6749 §3.1).
 */
export const readForm = async (request: IncomingMessage, limit: number): Promise<object> => {
  const members = new URLSearchParams(decode(await readBytes(request, limit)));
  const names = [...members.keys()];
  if (new Set(names).size < names.length) {
    throw malformed('once', 'a member is given twice', 'give each once');
  }
  const form = Object.fromEntries(members);
  mustBeSound(form, 0);
  return form;
};

const readBytes = (request: IncomingMessage, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else reject(tooLarge(limit));
    });
    request.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
    );
    // Also a body whose framing is no HTTP: the caller's fault, and already answered by the parser.
    for (const event of ['error', 'aborted'] as const) {
      request.on(event, () =>
        reject(malformed('complete', 'the body ended early', 'send it again')),
      );
    }
  });

const UTF8 = new TextDecoder('utf-8', { fatal: true });

const decode = (bytes: Buffer): string => {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw malformed('utf8', 'the body is not UTF-8', 'send { … } as UTF-8 JSON');
  }
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('json', 'the body is not JSON', 'send { … } as UTF-8 JSON');
  }
};

/** Deeper than any request of ours, and no stack is at risk. */
const MAX_DEPTH = 16;

const mustBeSound = (value: unknown, depth: number): void => {
  if (typeof value === 'string') mustBeText(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH)
    throw malformed('depth', 'the body is nested too deeply', 'see /docs for its shape');
  for (const [name, member] of Object.entries(value)) {
    mustBeText(name);
    if (name === '__proto__')
      throw malformed('member', '"__proto__" names no member', 'leave it out');
    mustBeSound(member, depth + 1);
  }
};

export const mustBeText = (text: string, field = 'body'): void => {
  if (!text.includes('\0') && text.isWellFormed()) return;
  throw malformed(
    'text',
    'text must be well-formed and hold no NUL',
    'leave such characters out',
    field,
  );
};

const malformed = (rule: string, message: string, remedy: string, field = 'body'): OAuthError =>
  new OAuthError('invalid_request', message, { violations: [{ field, rule, message, remedy }] });

const tooLarge = (limit: number): OAuthError =>
  new OAuthError('payload_too_large', `the body is larger than ${limit} bytes`, {
    headers: { Connection: 'close' },
    violations: [
      {
        field: 'body',
        rule: 'max_size',
        message: `at most ${limit} bytes are read`,
        remedy: 'send less',
      },
    ],
  });
