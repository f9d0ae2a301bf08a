import { describe, expect, it } from '@jest/globals';
import { type Answer, brokerThat, issuedToken } from './broker.ts';
import { type } from './terminal.ts';

const ISSUER = 'https://daypass.example';

const key = {
  kid: 'kid-1',
  alg: 'ES256',
  state: 'active',
  custody: 'local',
  created_at: '2026-11-22T10:00:00.000Z',
  signs_from: null,
  publish_until: null,
};

const against = async (line: string, answers: Readonly<Record<string, Answer>>) => {
  const broker = brokerThat({ 'POST /exchange': { status: 200, body: issuedToken }, ...answers });
  const env = { ISSUER, DAYPASS_ID_TOKEN: 'id-token-of-this-test' };
  return { ...(await type(line, { fetch: broker.fetch, env })), asked: broker.received.at(-1) };
};

describe('keys', () => {
  it('list shows which signs, and JSON with --json', async () => {
    const answers = {
      'GET /admin/v1/keys': { status: 200, body: { items: [key], next_cursor: null } },
    };
    const table = await against('keys list', answers);
    expect(table.code).toBe(0);
    expect(table.out).toMatch(/kid-1 +ES256 +active +local/);
    const json = await against('keys list --json', answers);
    expect(JSON.parse(json.out)).toEqual({ items: [key], next_cursor: null });
  });

  it.each([
    ['keys rotate', { now: false }],
    ['keys rotate --now', { now: true }],
  ])('%s says what signs, and from when', async (line, body) => {
    const rotations = [
      { alg: 'ES256', outcome: 'scheduled', kid: 'kid-2', signs_from: '2026-11-22T10:10:00.000Z' },
    ];
    const { code, out, asked } = await against(line, {
      'POST /admin/v1/keys/rotate': { status: 200, body: { rotations, keys: [key] } },
    });
    expect(code).toBe(0);
    expect(asked?.body).toEqual(body);
    expect(out).toMatch(/ES256 +scheduled +kid-2 +2026-11-22T10:10:00/);
  });

  it('revoke sends the reason, and shows what died and what signs now', async () => {
    const receipt = {
      revocation_id: 'rv_1',
      effective_at: '2026-11-22T10:00:00.000Z',
      killed: { tokens: 12, derived: 0, refresh_families: 0, tickets: 0 },
      residual: [],
      keys: [key],
    };
    const { code, out, asked } = await against('keys revoke kid/0 --reason leaked', {
      'POST /admin/v1/keys/kid%2F0/revoke': { status: 200, body: receipt },
    });
    expect(code).toBe(0);
    expect(asked?.body).toEqual({ reason: 'leaked' });
    expect(out).toMatch(/tokens +12/);
    expect(out).toContain('kid-1');
    expect(out).toMatch(/\nnothing it signed is honoured here any more; .*\n$/);
  });

  it('revoke needs a reason: exit status 2, and nobody is asked', async () => {
    const { code, asked } = await against('keys revoke kid-1', {});
    expect({ code, asked }).toEqual({ code: 2, asked: undefined });
  });

  it('a refusal is exit status 1', async () => {
    const body = { error: 'not_found', error_description: 'no such key', violations: [] };
    const { code, err } = await against('keys revoke kid-1 --reason leaked', {
      'POST /admin/v1/keys/kid-1/revoke': { status: 404, body },
    });
    expect(code).toBe(1);
    expect(err).toContain('not_found');
  });
});
