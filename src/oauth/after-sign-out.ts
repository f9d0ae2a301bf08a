type Parameters = Readonly<Record<string, unknown>>;

/**
 * OpenID Connect RP-Initiated Logout §3: where the app wants the browser afterwards, with its `state`. Undefined where
 * it says nothing, or the library has struck it out as not registered.
 */
export const afterSignOut = ({ post_logout_redirect_uri: to, state }: Parameters) => {
  if (typeof to !== 'string') return undefined;
  const url = new URL(to);
  if (typeof state === 'string') url.searchParams.set('state', state);
  return url.href;
};
