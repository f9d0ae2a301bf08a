import everyday from './jest.config.js';

/** What is left when parts are killed under load. Each suite starts, kills and ends parts of its own. */
const { globalSetup: _, globalTeardown: __, ...shared } = everyday;

// biome-ignore lint/style/noDefaultExport: jest reads the default export
export default {
  ...shared,
  testMatch: ['<rootDir>/test/chaos/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 300_000,
  maxWorkers: 1, // load and kills of one suite would be noise in another's
};
