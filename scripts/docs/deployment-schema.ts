import type { Generator } from './generator.ts';
import { DEPLOYMENT } from './members.ts';

/** For editors (`yaml-language-server: $schema=`) and for clients of the admin API. */
export const deploymentJsonSchema: Generator = {
  path: 'docs/daypass.schema.json',
  render: () => `${JSON.stringify(DEPLOYMENT, null, 2)}\n`,
};
