import { defineConfig } from 'prisma/config';

/** No datasource URL: generating needs no database, and `daypass migrate` does the migrating. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
