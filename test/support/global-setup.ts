import { startTestPostgres, type TestPostgres } from './postgres.ts';

declare global {
  var testPostgres: TestPostgres | undefined;
}

const globalSetup = async (): Promise<void> => {
  globalThis.testPostgres = await startTestPostgres();
};

// biome-ignore lint/style/noDefaultExport: jest calls a global hook by its default export
export default globalSetup;
