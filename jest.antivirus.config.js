import everyday from './jest.config.js';

/** What only a real clamd can prove: needs Debian's clamav-daemon. */
// biome-ignore lint/style/noDefaultExport: jest reads the default export
export default {
  ...everyday,
  testMatch: ['<rootDir>/test/antivirus/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
