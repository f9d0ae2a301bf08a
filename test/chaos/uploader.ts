import { setTimeout as pause } from 'node:timers/promises';
import { createClient, newKey } from '../support/client.ts';
import type { Rig } from '../support/rig.ts';
import { PNG } from '../support/upload-story.ts';
import type { Kind } from './upload-steps.ts';

/** Who is killed in the middle of it answers nothing. */
export type Caller = (path: string, body?: object, method?: string) => Promise<unknown>;

const signedIn = async (
  rig: Rig,
  user: string,
  app: string,
  asked: { readonly resource: string; readonly actions: readonly string[] },
  appId: string,
): Promise<Caller> => {
  const client = createClient(rig.url);
  const key = newKey();
  const answer = await client.call('/exchange', {
    body: { ...asked, app_id: appId },
    token: await rig.signIn(user, app),
    key,
    bound: false,
  });
  if (answer.status !== 200) throw new Error(`not signed in: ${answer.text}`);
  const token = String(answer.body.access_token);
  return (path, sent, method = 'POST') =>
    client
      .call(path, { method, ...(sent ? { body: sent } : {}), token, key })
      .then(({ body }) => body)
      .catch(() => undefined);
};

/** Somebody who uploads and deletes. */
export const uploaderAt = (rig: Rig): Promise<Caller> => {
  const asked = { resource: 'bucket:project-123', actions: ['read', 'write', 'delete'] };
  return signedIn(rig, 'ana', 'lowcode', asked, 'lowcode');
};

/** The security desk. */
export const deskAt = (rig: Rig): Promise<Caller> => {
  const asked = { resource: `${rig.url}/admin`, actions: ['admin'] };
  return signedIn(rig, 'sam', 'daypass', asked, 'daypass-cli');
};

const BYTES: Readonly<Record<Kind, Buffer>> = {
  honest: PNG,
  parts: PNG,
  nothing: PNG,
  lie: Buffer.from('<html>no picture, and longer than one</html>'.padEnd(PNG.length + 7)),
  malware: Buffer.concat([PNG, Buffer.from('MALWARE')]),
};

/** Whoever is told so may ask again. */
export const isUnavailable = (said: unknown): boolean =>
  (said as { readonly error?: string } | undefined)?.error === 'temporarily_unavailable';

/** Asks for an upload of such a file. */
export const request = (uploader: Caller, kind: Kind, filename: string): Promise<unknown> => {
  const file = { filename, size: BYTES[kind].length, contentType: 'image/png' };
  return uploader('/request-upload', kind === 'parts' ? { ...file, multipart: true } : file);
};

interface Url {
  readonly url: string;
  readonly headers: Record<string, string>;
}

interface Granted {
  readonly objectId: string;
  readonly uploadUrl?: string;
  readonly headers: Record<string, string>;
  readonly parts?: readonly Url[];
}

/** An upload whose URLs are there. */
export interface Upload {
  readonly objectId: string;
  /** Makes it, unless there is nothing to be made. */
  put(): Promise<void>;
}

export const requested = async (
  uploader: Caller,
  kind: Kind,
  filename: string,
): Promise<Upload> => {
  let asked = (await request(uploader, kind, filename)) as Granted;
  // A ledger that is late on a busy machine: another try.
  for (let tries = 0; tries < 20 && isUnavailable(asked); tries += 1) {
    await pause(250);
    asked = (await request(uploader, kind, filename)) as Granted;
  }
  const { objectId, uploadUrl, headers, parts } = asked;
  const urls = parts ?? [{ url: uploadUrl ?? '', headers }];
  if (urls.some(({ url }) => !url)) throw new Error(`no upload: ${JSON.stringify(asked)}`);
  const put = async (): Promise<void> => {
    if (kind === 'nothing') return;
    for (const { url, headers } of urls) {
      const { status } = await fetch(url, { method: 'PUT', headers, body: BYTES[kind] });
      if (status !== 200) throw new Error(`not taken: ${status}`);
    }
  };
  return { objectId, put };
};
