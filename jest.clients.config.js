import everyday from './jest.config.js';

/** Clients of others, as they come: not from npm, so not among the everyday tests. */
// biome-ignore lint/style/noDefaultExport: jest reads the default export
export default {
  ...everyday,
  testMatch: ['<rootDir>/test/clients/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000, // the first run installs Python packages
};
