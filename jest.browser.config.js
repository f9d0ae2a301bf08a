import everyday from './jest.config.js';

/** What a real browser makes of it: pages, cookies, CORS, CSP. Needs Chromium; CHROMIUM names it where it is elsewhere. */
// biome-ignore lint/style/noDefaultExport: jest reads the default export
export default {
  ...everyday,
  testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 60_000,
};
