import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { DEMO_SECRET } from '../../src/compose/configuration.ts';
import { type Answer, type Client, createClient, newKey } from '../support/client.ts';
import type { Rig } from '../support/rig.ts';

/** One request, as its client saw it. `cut`: the connection broke before an answer came. */
export interface Outcome {
  readonly status: number | 'cut';
  readonly error: string | undefined;
  readonly retryAfter: string | null;
  readonly at: number;
  readonly milliseconds: number;
  readonly seen: Seen | undefined;
}

/** What a client was given: its record must be there. */
export interface Seen {
  readonly kind: 'token' | 'upload' | 'ticket' | 'revocation';
  readonly id: string;
}

export interface Load {
  readonly outcomes: readonly Outcome[];
  /** Lets requests under way end. */
  stop(): Promise<void>;
}

type Step = () => Promise<Outcome>;

/** The members of answers that a client goes on with. */
interface Body {
  readonly access_token: string;
  readonly uploadUrl: string;
  readonly headers: Record<string, string>;
  readonly objectId: string;
  readonly status: string;
}

/** Clients of every kind at once, each asking again as soon as it has its answer. */
export const startLoad = async (rig: Rig): Promise<Load> => {
  const steps = [
    ...(await Promise.all([bearer(rig), bearer(rig), bound(rig), bound(rig)])),
    service(rig),
    service(rig),
    ...(await storage(rig)),
    await revoker(rig),
  ];
  const outcomes: Outcome[] = [];
  let isStopped = false;
  const run = async (step: Step): Promise<void> => {
    while (!isStopped && !rig.over.aborted) {
      const outcome = await step();
      outcomes.push(outcome);
      // A client that was refused waits, though not as long as it was told to: the pressure stays on.
      if (outcome.seen === undefined) await pause(outcome.status === 'cut' ? 100 : 20);
    }
  };
  const running = steps.map(run);
  return {
    outcomes,
    stop: async () => {
      isStopped = true;
      await Promise.all(running);
    },
  };
};

/**
 * What may not happen while a part is down, each as `status error` and how often: anything but a grant, or
 * a 503 that says when to come back.
 */
export const neitherGrantedNorUnavailable = (
  outcomes: readonly Outcome[],
): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, error, retryAfter, seen } of outcomes) {
    const isUnavailable =
      status === 503 && error === 'temporarily_unavailable' && Number(retryAfter) > 0;
    if (seen !== undefined || isUnavailable) continue;
    const name = `${status} ${error ?? ''}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};

/** Waits for a request that is begun after `moment` and granted. Milliseconds from there to its answer. */
export const untilGranted = async (load: Load, moment: number): Promise<number> => {
  const isFirst = ({ at, seen }: Outcome): boolean => seen !== undefined && at > moment;
  for (let tries = 0; tries < 1_500; tries += 1) {
    const first = load.outcomes.find(isFirst);
    if (first) return first.at + first.milliseconds - moment;
    await pause(10);
  }
  return Number.POSITIVE_INFINITY;
};

/** Every kind of credential that a client saw and whose record, or its audit event, is not there. */
export const withoutRecord = async (rig: Rig, outcomes: readonly Outcome[]): Promise<Seen[]> => {
  const seen = outcomes.flatMap((outcome) => outcome.seen ?? []);
  const ids = (kind: Seen['kind']): string[] =>
    seen.filter((each) => each.kind === kind).map(({ id }) => id);
  const known = await rig.ask<{ id: string }>(
    `SELECT t.token_id AS id FROM issued_token AS t
       WHERE t.token_id = ANY ($1) AND EXISTS (SELECT FROM audit_event AS a
         WHERE a.token_id = t.token_id AND a.action = 'token.issue' AND a.outcome = 'granted')
     UNION ALL SELECT o.object_id FROM stored_object AS o
       WHERE o.object_id = ANY ($2) AND EXISTS (SELECT FROM audit_event AS a
         WHERE a.object_id = o.object_id AND a.outcome = 'granted')
     UNION ALL SELECT encode(k.token_hash, 'hex') FROM ticket AS k
       WHERE encode(k.token_hash, 'hex') = ANY ($3) AND EXISTS (SELECT FROM audit_event AS a
         WHERE a.object_id = k.object_id AND a.outcome = 'granted')
     UNION ALL SELECT l.revocation_id FROM lock AS l
       WHERE l.revocation_id = ANY ($4)`,
    [ids('token'), ids('upload'), ids('ticket'), ids('revocation')],
  );
  const recorded = new Set(known.map(({ id }) => id));
  return seen.filter(({ id }) => !recorded.has(id));
};

const LOWCODE = { app_id: 'lowcode', resource: 'bucket:project-123', actions: ['read', 'write'] };

/** An app that cannot make proofs: opaque, unbound tokens. */
const bearer = async (rig: Rig): Promise<Step> => {
  const client = createClient(rig.url);
  const token = await rig.signIn('ana', 'lowcode');
  return () => observe(() => client.call('/exchange', { body: LOWCODE, token }), tokenSeen);
};

/** A browser app: its ID token and its tokens are bound to its key. */
const bound = async (rig: Rig): Promise<Step> => {
  const client = createClient(rig.url);
  const key = newKey();
  const token = await rig.signIn('ana', 'where2eat');
  const body = { ...LOWCODE, app_id: 'where2eat' };
  return () =>
    observe(() => client.call('/exchange', { body, token, key, bound: false }), tokenSeen);
};

/** A service app: it authenticates at /token, and its tokens are JWTs. */
const service = (rig: Rig): Step => {
  const client = createClient(rig.url);
  const credentials = Buffer.from(`nightly-report:${DEMO_SECRET}`).toString('base64');
  const form = {
    grant_type: 'client_credentials',
    resource: 'https://orders.acme.example',
    scope: 'orders:read',
  };
  const headers = { authorization: `Basic ${credentials}` };
  return () => observe(() => client.call('/token', { form, headers }), tokenSeen);
};

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const UPLOAD = { filename: 'menu.png', size: PNG.length, contentType: 'image/png' };

/** A token that uploads, and downloads what it uploaded. */
const storage = async (rig: Rig): Promise<Step[]> => {
  const client = createClient(rig.url);
  const { access_token: token } = await given(
    client.call('/exchange', { body: LOWCODE, token: await rig.signIn('ana', 'lowcode') }),
    200,
  );
  const upload = await given(client.call('/request-upload', { body: UPLOAD, token }), 201);
  await fetch(upload.uploadUrl, { method: 'PUT', headers: upload.headers, body: PNG });
  await available(client, upload.objectId, token);
  const download = { objectId: upload.objectId };
  return [
    () =>
      observe(
        () => client.call('/request-upload', { body: UPLOAD, token }),
        ({ objectId }) => ({ kind: 'upload', id: String(objectId) }),
      ),
    () =>
      observe(
        () => client.call('/request-download', { body: download, token }),
        ({ downloadUrl }) => ({ kind: 'ticket', id: ticketHash(String(downloadUrl)) }),
      ),
  ];
};

/** An administrator who revokes, one after another, tokens that are still in somebody's hands. */
const revoker = async (rig: Rig): Promise<Step> => {
  const client = createClient(rig.url);
  const key = newKey();
  const admin = { app_id: 'daypass-cli', resource: `${rig.url}/admin`, actions: ['admin'] };
  const idToken = await rig.signIn('sam', 'daypass');
  const { access_token: token } = await given(
    client.call('/exchange', { body: admin, token: idToken, key, bound: false }),
    200,
  );
  const victim = await bearer(rig);
  return async () => {
    const issued = await victim();
    if (issued.seen === undefined) return issued;
    const body = { target: { token_id: issued.seen.id }, reason: 'seen in a public notebook' };
    return observe(
      () => client.call('/admin/v1/revocations', { body, token, key }),
      ({ revocation_id: id }) => ({ kind: 'revocation', id: String(id) }),
    );
  };
};

const tokenSeen = (body: Answer['body']): Seen => ({ kind: 'token', id: String(body.token_id) });

/** Tickets are kept under the hash of what the URL holds. */
const ticketHash = (url: string): string =>
  createHash('sha256')
    .update(url.slice(url.lastIndexOf('/') + 1))
    .digest('hex');

const observe = async (
  ask: () => Promise<Answer>,
  what: (body: Answer['body']) => Seen,
): Promise<Outcome> => {
  const at = performance.now();
  const answer = await ask().catch(() => undefined);
  const isGiven = answer !== undefined && answer.status < 300;
  return {
    status: answer?.status ?? 'cut',
    error: answer && String(answer.body.error),
    retryAfter: answer?.headers.get('retry-after') ?? null,
    at,
    milliseconds: performance.now() - at,
    seen: isGiven ? what(answer.body) : undefined,
  };
};

const given = async (asked: Promise<Answer>, status: number): Promise<Body> => {
  const answer = await asked;
  if (answer.status !== status) throw new Error(`answered ${answer.status}: ${answer.text}`);
  return answer.body as unknown as Body;
};

const available = async (client: Client, objectId: string, token: string): Promise<void> => {
  await given(client.call(`/uploads/${objectId}/complete`, { method: 'POST', token }), 202);
  for (let tries = 0; tries < 200; tries += 1) {
    const { status } = await given(client.call(`/uploads/${objectId}`, { token }), 200);
    if (status === 'available') return;
    await pause(50);
  }
  throw new Error(`the upload ${objectId} was never validated`);
};
