import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { createValidateUpload } from '../../../src/broker/upload/validate-upload.ts';
import type { Verdict } from '../../../src/inspection/inspector.ts';
import type { ObjectStep } from '../../../src/ledger/ledger.ts';
import type { ObjectRecord } from '../../../src/ledger/records.ts';
import type { InspectionReport } from '../../../src/protocol/inspection-report.ts';
import { unavailable } from '../../../src/protocol/oauth-error.ts';
import { ObjectNotFound, type ObjectStore } from '../../../src/storage/object-store.ts';

/** The one step between staging and readers, with a storage whose bytes change under it. */

const NOW = new Date('2026-11-22T12:00:00Z');
const object = {
  objectId: 'ob_1',
  bucketId: 'b',
  tenantId: 'acme',
  key: 'home/a.txt',
  stagingKey: '.daypass-staging/ob_1/xyz',
  contentType: 'text/plain',
  size: 4,
  status: 'validating',
} as ObjectRecord;

const open = (inspect: (body: Readable) => Promise<Verdict>) => {
  const versions = [Buffer.from('soup')];
  const steps: ObjectStep[] = [];
  const reports: InspectionReport[] = [];
  const opened: unknown[] = [];
  const store: Partial<ObjectStore> = {
    head: async () => {
      const stored = { version: String(versions.length) } as never;
      return stored;
    },
    open: async (_, wanted = {}) => {
      opened.push(wanted.version);
      const version = Number(wanted.version ?? versions.length);
      return { body: Readable.from([versions[version - 1]]) } as never;
    },
    copy: async (_from, _to, version) => {
      if (Number(version) !== versions.length) throw new ObjectNotFound(object.stagingKey);
    },
  };
  const validate = createValidateUpload({
    configuration: { get: () => ({ index: { bucket: () => undefined } }) } as never,
    objects: {
      advance: async (step: ObjectStep) => void steps.push(step),
      postpone: async (_: string, _at: Date, report: InspectionReport) => void reports.push(report),
    } as never,
    stores: () => store as ObjectStore,
    inspect: ({ body }) => inspect(body),
    now: () => NOW,
  });
  const replace = (bytes: string) => void versions.push(Buffer.from(bytes));
  return { validate: () => validate(object), steps, reports, opened, replace };
};

const clean = async (body: Readable): Promise<Verdict> => {
  for await (const _ of body);
  return { ok: true, size: 4, sha256: 'f', contentType: 'text/plain', checks: [] };
};

describe('an upload that is replaced while it is looked at', () => {
  it('is opened as the version that was seen first', async () => {
    const { validate, opened } = open(clean);
    expect(await validate()).toBe('available');
    expect(opened).toEqual(['1']);
  });

  it('is not released: what was inspected is no longer there to be copied', async () => {
    const story = open(async (body) => {
      story.replace('poison');
      return clean(body);
    });
    expect(await story.validate()).toBe('rejected');
    expect(story.steps).toMatchObject([{ to: 'rejected', audit: { outcome: 'denied' } }]);
  });
});

describe('an upload', () => {
  it.each([
    ['malware', 'quarantined'],
    ['type_mismatch', 'rejected'],
  ] as const)('that is refused for %s is %s', async (reason, to) => {
    const violation = { field: 'body', rule: reason, message: 'no', remedy: 'none' };
    const { validate, steps } = open(async () => ({
      ok: false,
      reason,
      checks: [],
      violations: [violation],
    }));
    expect(await validate()).toBe(to);
    expect(steps).toMatchObject([{ to }]);
  });

  it('waits where the storage does not answer, and its report does not blame a check', async () => {
    const { validate, reports } = open(async () => {
      throw unavailable('the storage says nothing');
    });
    await expect(validate()).rejects.toMatchObject({ status: 503 });
    expect(reports).toMatchObject([{ checks: [{ check: 'inspection', outcome: 'waiting' }] }]);
  });
});
