import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newBrowser, throughPages } from '../../support/authorization.ts';
import { startTestDaypass, type TestDaypass } from '../../support/daypass.ts';
import { type } from './terminal.ts';

describe('daypass login', () => {
  let daypass: TestDaypass;
  let home: string;

  beforeAll(async () => {
    daypass = await startTestDaypass();
    home = await mkdtemp(join(tmpdir(), 'daypass-login-'));
  });

  afterAll(async () => {
    await daypass.stop();
    await rm(home, { recursive: true });
  });

  /** A person at a terminal and a browser beside it; `change` is what happens to the redirect on the way. */
  const at = (user: string, change: (url: URL) => void = () => undefined) => {
    const pages: string[] = [];
    const answers: number[] = [];
    return {
      pages,
      answers,
      surroundings: {
        env: { DAYPASS_HOME: home, ISSUER: daypass.issuer },
        fetch,
        now: () => new Date(),
        openBrowser: (url: string) => {
          const open = async (): Promise<void> => {
            pages.push(url);
            const browser = newBrowser(daypass);
            const page = await throughPages(browser, await browser.get(url), { user });
            const back = new URL(page.url);
            change(back);
            answers.push((await fetch(back)).status);
            // Where the first was none of theirs, they wait for the right one.
            if (answers.at(-1) === 400) answers.push((await fetch(page.url)).status);
          };
          void open();
        },
      },
    };
  };

  it('signs an admin in through the company, says who and until when, and keeps it for itself alone', async () => {
    const { surroundings, pages } = at('sam');
    const { code, out, err } = await type('login --json', surroundings);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('/authorize?') });
    const told = JSON.parse(out);
    expect(told).toEqual({
      server: daypass.issuer,
      user_id: expect.stringMatching(/^u_[0-9a-z]{26}$/),
      expires_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(Date.parse(told.expires_at)).toBeGreaterThan(Date.now());
    const asked = new URL(pages[0] ?? '').searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    expect(asked.get('dpop_jkt')).toMatch(/^[\w-]{43}$/);
    // Whoever signed in this morning signs in again: the admin door takes no sign-in that old, and none twice.
    expect(asked.get('prompt')).toBe('login');

    const file = join(home, 'logins.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(`${out}${err}`).not.toMatch(/dp_at_|PRIVATE KEY/);
  });

  it('lets the other commands in without another sign-in, as often as they like', async () => {
    const { surroundings } = at('sam');
    for (const line of ['tokens list', 'audit search', 'config get']) {
      const { code, err } = await type(line, surroundings);
      expect({ line, code, err }).toEqual({ line, code: 0, err: '' });
    }
  });

  it('keeps nothing that another could use: the token is bound to the key beside it', async () => {
    const { [daypass.issuer]: kept } = JSON.parse(
      await readFile(join(home, 'logins.json'), 'utf8'),
    );
    const answer = await fetch(`${daypass.issuer}/admin/v1/tokens`, {
      headers: { authorization: `Bearer ${kept.accessToken}` },
    });
    expect(answer.status).toBe(401);
  });

  it('signs in once more for a change that wants a recent sign-in, and then makes it', async () => {
    const owner = new pg.Client({ connectionString: daypass.databaseUrl });
    await owner.connect();
    await owner.query("UPDATE issued_token SET issued_at = issued_at - interval '11 minutes'");
    await owner.end();
    const { surroundings, pages } = at('sam');
    expect((await type('tokens list', surroundings)).code).toBe(0);
    expect(pages).toHaveLength(0);
    const { code, out, err } = await type(
      'revoke --app lowcode --reason gone --json',
      surroundings,
    );
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('sign in once more') });
    expect(JSON.parse(out)).toHaveProperty('revocation_id');
    expect(pages).toHaveLength(1);
    // And it is kept for the next.
    expect((await type('tokens list', surroundings)).err).toBe('');
  });

  it('takes no answer with another state: it goes on waiting for its own', async () => {
    const { surroundings, answers } = at('sam', (url) => url.searchParams.set('state', 'planted'));
    const { code } = await type('login', surroundings);
    expect({ code, answers: answers[0] }).toEqual({ code: 0, answers: 400 });
  });

  it('takes no answer of another server', async () => {
    const { surroundings } = at('sam', (url) =>
      url.searchParams.set('iss', 'https://evil.example'),
    );
    const { code, err } = await type('login', surroundings);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('another server') });
  });

  it('opens no browser where there is none, and prints where to go', async () => {
    const { surroundings, pages } = at('sam');
    const printed: string[] = [];
    const login = type('login --no-browser', {
      ...surroundings,
      // The person reads the URL and opens it by hand.
      stderr: Object.assign(Object.create(process.stderr), {
        write: (text: string) => {
          printed.push(text);
          const url = /http\S+authorize\S+/.exec(text)?.[0];
          if (url !== undefined) surroundings.openBrowser(url);
          return true;
        },
      }),
    });
    expect((await login).code).toBe(0);
    expect(pages).toHaveLength(1);
    expect(printed.join('')).toContain('/authorize?');
  });

  it('tells whoever has no role what the broker told it', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'daypass-login-'));
    const { surroundings } = at('ana');
    const env = { ...surroundings.env, DAYPASS_HOME: elsewhere };
    const { code, err } = await type('login', { ...surroundings, env });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('access_denied') });
    const { code: after, err: why } = await type('tokens list', { ...surroundings, env });
    expect({ after, why }).toEqual({ after: 2, why: expect.stringContaining('run daypass login') });
    await rm(elsewhere, { recursive: true });
  });

  it('gives the token back at logout, to the broker as well', async () => {
    const { surroundings } = at('sam');
    const kept = await readFile(join(home, 'logins.json'), 'utf8');
    expect((await type('tokens list', surroundings)).code).toBe(0);
    const { code, out } = await type('logout --json', surroundings);
    expect({ code, out: JSON.parse(out) }).toEqual({
      code: 0,
      out: { server: daypass.issuer, revoked: true },
    });
    await expect(stat(join(home, 'logins.json'))).rejects.toThrow('ENOENT');
    await writeFile(join(home, 'logins.json'), kept);
    const { code: after, err } = await type('tokens list', surroundings);
    expect({ after, err }).toEqual({ after: 1, err: expect.stringContaining('invalid_token') });
    await type('logout', surroundings);
    expect((await type('logout', surroundings)).out).toContain('nobody was signed in');
  });
});
