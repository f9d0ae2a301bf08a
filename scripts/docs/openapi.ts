import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createOpenApi } from '../../src/http/openapi.ts';
import { describedRoutes } from '../../src/http/route-table.ts';
import type { Generator } from './generator.ts';

const { version } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
) as { readonly version: string };

/** What `/openapi.json` answers where nothing is configured; for clients to be generated from. */
export const openApi: Generator = {
  path: 'docs/openapi.json',
  render: () => {
    const document = createOpenApi(describedRoutes(), { issuer: 'http://localhost:8080', version });
    return `${JSON.stringify(document, null, 2)}\n`;
  },
};
