const globalTeardown = async (): Promise<void> => {
  await globalThis.testPostgres?.stop();
};

// biome-ignore lint/style/noDefaultExport: jest calls a global hook by its default export
export default globalTeardown;
