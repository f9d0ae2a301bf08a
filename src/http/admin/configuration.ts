import { z } from 'zod';
import type { CurrentConfiguration } from '../../broker/configuration.ts';
import { type Configure, versionTag } from '../../broker/configure/configure.ts';
import type { Oversight } from '../../broker/oversight.ts';
import { NO_STORE } from '../reply.ts';
import { type Route, route } from '../route.ts';
import { type IsSet, noticeList, noticesOf } from './notices.ts';

export interface ConfigurationRoutes
  extends Pick<Oversight, 'showConfiguration' | 'planConfiguration'> {
  readonly configure: Pick<Configure, 'apply'>;
  readonly configuration: CurrentConfiguration;
  readonly isSet: IsSet;
}

const READ = { roles: ['security', 'platform', 'auditor'], reach: 'deployment' } as const;
const CHANGE = { roles: ['platform'], reach: 'deployment' } as const;

/** The document as `daypass.yaml` has it; `docs/daypass.schema.json` describes its members. */
const document: z.ZodType<object> = z.looseObject({});
const configQuery = z.strictObject({ dry_run: z.enum(['true', 'false']).default('false') });
const planAnswer = z.object({
  version: z.int().optional(),
  changes: z.array(z.looseObject({})),
  notices: noticeList,
});

export const configurationRoutes = (broker: ConfigurationRoutes): Route[] => [
  route({
    method: 'GET',
    path: '/admin/v1/config',
    summary: 'The configuration in force, as it was applied',
    authentication: READ,
    answer: {
      status: 200,
      schema: document,
      description: 'The document; headers say who applied it and when',
    },
    handle: async ({ admin }) => {
      const applied = await broker.showConfiguration(admin);
      const headers = {
        ...NO_STORE,
        ETag: versionTag(applied.version),
        'Last-Modified': applied.appliedAt.toUTCString(),
        'Daypass-Applied-By': encodeURIComponent(applied.appliedBy),
        'Daypass-Source': encodeURIComponent(applied.source),
      };
      return { status: 200, headers, body: applied.document };
    },
  }),
  route({
    method: 'PUT',
    path: '/admin/v1/config',
    summary: 'Replace the configuration as a whole; with dry_run, say what that would change',
    authentication: CHANGE,
    body: document,
    query: configQuery,
    answer: { status: 200, schema: planAnswer, description: 'What changed, or would change' },
    isConditional: true,
    handle: async ({ body, query, conditions, admin }) => {
      if (query.dry_run === 'true') {
        const changes = await broker.planConfiguration(admin, body);
        return {
          status: 200,
          headers: NO_STORE,
          body: { changes, notices: noticesOf(body, broker.isSet) },
        };
      }
      const { userId, known, holder, judgedUnder } = admin;
      const applicant = { by: userId, source: 'admin API', known, holder, judgedUnder };
      const applied = await broker.configure.apply(body, applicant, conditions());
      await broker.configuration.refresh();
      const headers = { ...NO_STORE, ETag: versionTag(applied.version) };
      return { status: 200, headers, body: { ...applied, notices: noticesOf(body, broker.isSet) } };
    },
  }),
];
