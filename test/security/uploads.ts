import { expect } from '@jest/globals';
import { eventually, type Held, type Stage } from './stage.ts';

/** Uploads and downloads as a client makes them. */

export const TEXT = 'what ana wrote\n';
export const upload = { filename: 'note.txt', size: TEXT.length, contentType: 'text/plain' };

export interface Granted {
  readonly uploadUrl: string;
  readonly headers: Record<string, string>;
  readonly objectId: string;
}

export const put = (url: string, headers: Record<string, string>, body: string | Buffer = TEXT) =>
  fetch(url, { method: 'PUT', headers, body });

/** A URL that the store must refuse, in the shape of every refusal. */
export const refusedByStore = async (
  answer: Response,
  statuses: readonly number[],
): Promise<void> => {
  expect(statuses).toContain(answer.status);
  const text = await answer.text();
  expect(text).not.toMatch(/\.ts\b|node_modules|ENOENT|\/tmp\//);
  expect(text).not.toContain('what ana wrote');
};

export const uploadsOf = (stage: () => Stage) => {
  const askUpload = async (held: Held, more: object = {}): Promise<Granted> => {
    const { token, key } = held;
    const answer = await stage().client.call('/request-upload', {
      body: { ...upload, ...more },
      token,
      key,
    });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body as unknown as Granted;
  };

  /** An object of this holder that everyone its prefix is for can read. */
  const stored = async (held: Held, more: object = {}): Promise<string> => {
    const { uploadUrl, headers, objectId } = await askUpload(held, more);
    expect([200, 201]).toContain((await put(uploadUrl, headers)).status);
    const { token, key } = held;
    await stage().client.call(`/uploads/${objectId}/complete`, { method: 'POST', token, key });
    await eventually(async () => {
      const { body } = await stage().client.call(`/uploads/${objectId}`, { token, key });
      return body.status === 'available';
    });
    return objectId;
  };

  const askDownload = async (held: Held, body: object): Promise<string> => {
    const { token, key } = held;
    const answer = await stage().client.call('/request-download', { body, token, key });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body.downloadUrl as string;
  };

  return { askUpload, stored, askDownload };
};
