import { z } from 'zod';
import type { Admin } from '../../broker/admin.ts';
import type { CurrentConfiguration } from '../../broker/configuration.ts';
import type { Configure } from '../../broker/configure/configure.ts';
import type { Configurations } from '../../ledger/ledger.ts';
import { OAuthError } from '../../protocol/oauth-error.ts';
import { NO_STORE } from '../reply.ts';
import { type Input, type Route, route } from '../route.ts';

export interface ConfigurationRoutes {
  readonly configure: Configure;
  readonly configurations: Configurations;
  readonly configuration: CurrentConfiguration;
}

/** The document as `daypass.yaml` has it; `docs/daypass.schema.json` describes its members. */
const document: z.ZodType<object> = z.looseObject({});
const configQuery = z.strictObject({ dry_run: z.enum(['true', 'false']).default('false') });
const planAnswer = z.object({ version: z.int().optional(), changes: z.array(z.looseObject({})) });

export const configurationRoutes = (broker: ConfigurationRoutes): Route[] => [
  route({
    method: 'GET',
    path: '/admin/v1/config',
    summary: 'The configuration in force, as it was applied',
    authentication: { roles: ['security', 'platform', 'auditor'], reach: 'deployment' },
    answer: {
      status: 200,
      schema: document,
      description: 'The document; headers say who applied it and when',
    },
    handle: async () => {
      const applied = await broker.configurations.current();
      if (!applied) throw new OAuthError('not_found', 'no configuration has been applied');
      const headers = {
        ...NO_STORE,
        ETag: `"${applied.version}"`,
        'Last-Modified': applied.appliedAt.toUTCString(),
        'Daypass-Applied-By': encodeURIComponent(applied.appliedBy),
        'Daypass-Source': encodeURIComponent(applied.source),
      };
      return { status: 200, headers, body: applied.document };
    },
  }),
  route<object, z.output<typeof configQuery>>({
    method: 'PUT',
    path: '/admin/v1/config',
    summary: 'Replace the configuration as a whole; with dry_run, say what that would change',
    authentication: { roles: ['platform'], reach: 'deployment' },
    body: document,
    query: configQuery,
    answer: { status: 200, schema: planAnswer, description: 'What changed, or would change' },
    handle: async ({
      body,
      query,
      admin,
    }: Input<object, z.output<typeof configQuery>> & { readonly admin: Admin }) => {
      if (query.dry_run === 'true') {
        return {
          status: 200,
          headers: NO_STORE,
          body: { changes: await broker.configure.plan(body) },
        };
      }
      const { userId, known, holder, judgedUnder } = admin;
      const applicant = { by: userId, source: 'admin API', known, holder, judgedUnder };
      const applied = await broker.configure.apply(body, applicant);
      await broker.configuration.refresh();
      return { status: 200, headers: NO_STORE, body: applied };
    },
  }),
];
