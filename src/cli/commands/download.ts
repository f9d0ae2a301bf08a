import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Command } from 'commander';
import { type ClientOptions, withClientOptions } from '../client-options.ts';
import { members } from '../output.ts';
import { signInToApp } from '../sign-in.ts';
import { type Surroundings, UsageError } from '../surroundings.ts';
import { outputOf, type Register } from './command.ts';

interface DownloadOptions extends ClientOptions {
  readonly app?: string;
  readonly resource: string;
  readonly output?: string;
}

interface GrantedDownload {
  readonly downloadUrl: string;
  readonly guarantee: string;
}

export const download: Register = (program, surroundings) => {
  const command = program
    .command('download')
    .summary('download an object through a ticket that works once')
    .description('Exchanges, asks for a single-use ticket and uses it.')
    .argument('<object-id>')
    .option('-o, --output <file>', 'where to write it; standard output when left out')
    .option('--app <id>', 'the app; left out, the ID token names it; --as needs it')
    .requiredOption('--resource <id>', 'bucket:<id>');
  withClientOptions(command).action(
    async (objectId: string, options: DownloadOptions, self: Command) => {
      const output = outputOf(self, surroundings);
      const { output: file } = options;
      if (output.json && file === undefined)
        throw new UsageError('--json needs -o FILE: both would be written to standard output');
      const send = await signInToApp(options, ['read'], surroundings);
      const { downloadUrl, guarantee } = await send<GrantedDownload>({
        method: 'POST',
        path: '/request-download',
        body: { objectId },
      });
      const body = await open(downloadUrl, surroundings);
      if (file === undefined) return pipeline(body, surroundings.stdout, { end: false });
      const size = await save(body, file);
      output.answer({ objectId, file, size, guarantee }, members({ file, size, guarantee }));
    },
  );
};

const open = async (url: string, { fetch }: Surroundings): Promise<Readable> => {
  const answer = await fetch(url);
  // The URL is a credential: the message names its host alone.
  if (!answer.ok || !answer.body)
    throw new Error(`the content at ${new URL(url).host} answered ${answer.status}`);
  return Readable.fromWeb(answer.body as ReadableStream);
};

/** Beside its place first: a download that breaks off leaves nothing that looks whole. */
const save = async (body: Readable, file: string): Promise<number> => {
  const part = `${file}.part`;
  const target = createWriteStream(part, { mode: 0o600 });
  try {
    await pipeline(body, target);
    await rename(part, file);
    return target.bytesWritten;
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
};
