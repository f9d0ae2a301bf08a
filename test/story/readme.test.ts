import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isFree, npmStart, ROOT, type Started } from './started.ts';
import { alike, readTranscript, type, withAnswers } from './transcript.ts';

const README = join(ROOT, 'README.md');
const LONGEST = 120_000;

describe('README.md', () => {
  let broker: Started;
  let markdown: string;

  beforeAll(async () => {
    markdown = await readFile(README, 'utf8');
    broker = await npmStart();
  }, LONGEST);
  afterAll(() => broker?.stop(), LONGEST);

  it(
    'shows a session that goes as it shows it (UPDATE_README=1 writes it anew)',
    async () => {
      const transcript = readTranscript(markdown);
      const answers = await type(transcript, broker);
      if (process.env.UPDATE_README) await writeFile(README, withAnswers(markdown, answers));
      else expect(answers.map(alike)).toEqual(transcript.map(({ answer }) => alike(answer ?? '')));
    },
    LONGEST,
  );

  it('has the two requests of the articles exactly as they write them', () => {
    const typed = readTranscript(markdown).map(({ commands }) => commands);
    const [exchange, upload] = typed.slice(1);
    const body = `-d '{ "resource": "bucket:project-123", "actions": ["read","write"], "ttl": 300 }'`;
    expect(exchange).toContain(body);
    expect(`${exchange}${upload}`).not.toMatch(/app_id|Content-Type: application\/json/);
    expect(upload).toMatch(/\/request-upload[\s\S]*"filename"[\s\S]*"size"[\s\S]*"contentType"/);
  });

  it('shows no token, ticket or signature whole', () => {
    expect(markdown).not.toMatch(/dp_[a-z]{2}_\w{38}|eyJ[\w-]{20}|signature=[\w-]{43}/);
  });

  it('says in its first ten lines what Daypass is and whom it is for', () => {
    const opening = markdown.split('\n').slice(0, 10).join(' ');
    expect(opening).toMatch(/OAuth 2\.0 token broker/);
    expect(opening).toMatch(/micro apps/);
  });

  it('names no file that is not there', async () => {
    const links = [...markdown.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(
      ([, path]) => path ?? '',
    );
    expect(links.length).toBeGreaterThan(5);
    for (const path of links) await expect(stat(join(ROOT, path))).resolves.toBeDefined();
  });
});

describe('npm start', () => {
  it(
    'prints where everything is, and stops all it started when it is told to',
    async () => {
      const broker = await npmStart();
      const said = await broker.stop();
      if (broker.idp.endsWith(':8081')) {
        expect(said).toContain(broker.url);
        expect(said).toContain(`${broker.url}/docs`);
        expect(said).toContain(broker.idp);
      }
      for (const url of [broker.url, broker.idp]) {
        expect(await isFree(Number(new URL(url).port))).toBe(true);
      }
    },
    LONGEST,
  );
});
