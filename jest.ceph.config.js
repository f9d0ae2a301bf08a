import everyday from './jest.config.js';

/** What only a real object gateway can prove: needs RGW_ENDPOINT, see scripts/ceph-up.sh. */
// biome-ignore lint/style/noDefaultExport: jest reads the default export
export default {
  ...everyday,
  testMatch: ['<rootDir>/test/ceph/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
