import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { members } from '../output.ts';
import { type Send, signInToApp } from '../sign-in.ts';
import { type Surroundings, UsageError } from '../surroundings.ts';
import { Negative, outputOf, type Register } from './command.ts';

interface UploadOptions extends ClientOptions {
  readonly app?: string;
  readonly resource: string;
  readonly type?: string;
  readonly path?: string;
  readonly name?: string;
  readonly wait: boolean;
}

interface GrantedUpload {
  readonly uploadUrl: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly objectId: string;
}

interface UploadStatus {
  readonly objectId: string;
  readonly status: string;
  readonly reason?: string;
}

export const upload: Register = (program, surroundings) => {
  const command = program
    .command('upload')
    .summary('upload a file through a presigned URL')
    .description(
      'Exchanges, asks for one presigned URL, sends the file there and waits until it has been validated.',
    )
    .argument('<file>')
    .option('--app <id>', 'the app; left out, the ID token names it; --as needs it')
    .requiredOption('--resource <id>', 'bucket:<id>')
    .option('--type <type>', 'its content type; guessed from the name')
    .option('--name <name>', 'what it is called there')
    .option('--path <folder>', 'below the prefix of the app')
    .option('--no-wait', 'do not wait for validation');
  withClientOptions(command).action(async (file: string, options: UploadOptions, self: Command) => {
    const output = outputOf(self, surroundings);
    const described = await describe(file, options);
    const send = await signInToApp(options, ['write'], surroundings);
    const granted = await send<GrantedUpload>({
      method: 'POST',
      path: '/request-upload',
      body: { ...described, resource: options.resource, path: options.path },
    });
    await put(file, granted, surroundings);
    const result = await settle(send, granted.objectId, options.wait);
    output.answer(result, members({ ...result }));
    if (BAD.has(result.status)) throw new Negative(`the object is ${result.status}`);
  });
};

const describe = async (file: string, { type, name }: UploadOptions) => {
  try {
    const { size } = await stat(file);
    const digest = createHash('sha256');
    for await (const chunk of createReadStream(file)) digest.update(chunk);
    const contentType = type ?? TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream';
    return { filename: name ?? basename(file), size, contentType, sha256: digest.digest('hex') };
  } catch (cause) {
    throw new UsageError(`${file} cannot be read`, { cause });
  }
};

const TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.txt': 'text/plain',
  '.webp': 'image/webp',
};

const put = async (
  file: string,
  { uploadUrl, method, headers }: GrantedUpload,
  { fetch }: Surroundings,
): Promise<void> => {
  const body = await openAsBlob(file);
  const answer = await fetch(uploadUrl, { method, headers, body, redirect: 'error' });
  // The URL is a credential: the message names its host alone.
  if (!answer.ok)
    throw new Error(`the storage at ${new URL(uploadUrl).host} answered ${answer.status}`);
};

const BAD = new Set(['rejected', 'quarantined', 'expired']);
const SETTLED = new Set(['available', ...BAD]);

/** Half a minute, in milliseconds: validation takes a moment, unless something is wrong with it. */
const PATIENCE = 30_000;
const STEP = 250;

const settle = async (send: Send, objectId: string, wait: boolean): Promise<UploadStatus> => {
  const path = `/uploads/${objectId}`;
  let status = await send<UploadStatus>({ method: 'POST', path: `${path}/complete`, body: {} });
  for (let waited = 0; wait && !SETTLED.has(status.status) && waited < PATIENCE; waited += STEP) {
    await pause(STEP);
    status = await send<UploadStatus>({ method: 'GET', path });
  }
  return status;
};
