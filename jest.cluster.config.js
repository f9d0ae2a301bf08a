import chaos from './jest.chaos.config.js';

/** What several brokers on one database promise together. CLUSTER=full for the counts of a release. */
// biome-ignore lint/style/noDefaultExport: jest reads the default export
export default {
  ...chaos,
  testMatch: ['<rootDir>/test/cluster/**/*.test.ts'],
  testTimeout: 900_000,
};
