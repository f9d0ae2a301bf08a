import { describe, expect, it } from '@jest/globals';
import { createLogger, isClientsOwn } from '../../../src/compose/logger.ts';

/** What the log makes of an error. */
const logged = (error: unknown): Record<string, unknown> => {
  const lines: string[] = [];
  createLogger('info', { write: (line) => lines.push(line) }).error({ err: error }, 'failed');
  return JSON.parse(lines.join('')).err;
};

describe('the log', () => {
  it('shows of an error what went wrong, and the causes below it', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    expect(logged(new TypeError('no database', { cause }))).toMatchObject({
      type: 'TypeError',
      message: 'no database',
      stack: expect.stringContaining('logger.test'),
      cause: { code: 'ECONNREFUSED', message: 'refused' },
    });
  });

  it('shows nothing else of it: a parser keeps the request it failed on, Authorization and all', () => {
    const rawPacket = Buffer.from('POST / HTTP/1.1\r\nAuthorization: Bearer dp_at_secret\r\n\r\n');
    const error = Object.assign(new Error('Parse Error'), { code: 'HPE_INVALID', rawPacket });
    expect(Object.keys(logged(error)).sort()).toEqual(['code', 'message', 'stack', 'type']);
    const within = new Error('failed', { cause: error });
    expect(JSON.stringify(logged(within))).not.toContain('rawPacket');
  });

  it('shows only the kind of what was thrown and is no error', () => {
    expect(logged('dp_at_secret')).toBe('string');
  });

  it.each([
    ['HPE_INVALID_CHUNK_SIZE', true],
    ['ECONNRESET', true],
    ['ERR_STREAM_PREMATURE_CLOSE', true],
    ['ECONNREFUSED', false],
    ['ERR_INVALID_ARG_TYPE', false],
  ])('knows whose fault %s is', (code, expected) => {
    expect(isClientsOwn(Object.assign(new Error('it'), { code }))).toBe(expected);
  });
});
