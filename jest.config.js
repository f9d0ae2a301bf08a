/** One transform for all suites: swc strips the types, Node runs the ES modules. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
      },
    ],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/antivirus/',
    '<rootDir>/test/browser/',
    '<rootDir>/test/ceph/',
    '<rootDir>/test/clients/', // theirs, which npm does not have
    '<rootDir>/test/chaos/',
    '<rootDir>/test/cluster/[^/]+$', // the checker of histories, one folder down, is an ordinary test
  ],
  globalSetup: '<rootDir>/test/support/global-setup.ts', // one PostgreSQL for the whole run
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testTimeout: 30_000,
  maxWorkers: 2,
  // Modules of a suite are not let go of: a worker that has grown makes room for a fresh one.
  workerIdleMemoryLimit: '1GB',
};
