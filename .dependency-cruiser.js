import { IMPORT_RULES } from './scripts/import-rules.ts';

/** Import rules on resolved paths: `depcruise src`. The table is scripts/rooms.ts. */
// biome-ignore lint/style/noDefaultExport: dependency-cruiser reads the default export
export default {
  forbidden: IMPORT_RULES,
  options: {
    // TypeScript 7 has no compiler API that dependency-cruiser could call.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/ledger/postgres/generated/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default', 'require'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
};
