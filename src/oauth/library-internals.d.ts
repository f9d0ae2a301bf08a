/** What client-authentication.ts takes from oidc-provider 9.13.3 besides its public entry. */

type LibraryStep = (
  ctx: import('oidc-provider').KoaContextWithOIDC,
  next: () => Promise<void>,
) => unknown;

declare module 'oidc-provider/lib/actions/introspection.js' {
  const steps: readonly LibraryStep[];

  // biome-ignore lint/style/noDefaultExport: the library's
  export { steps as default };
}

declare module 'oidc-provider/lib/shared/reject_structured_tokens.js' {
  const step: LibraryStep;

  // biome-ignore lint/style/noDefaultExport: the library's
  export { step as default };
}
