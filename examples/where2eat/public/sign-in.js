/** Who is at the browser? oidc-client-ts asks: authorization code with PKCE, bound to a key by DPoP, no refresh token. */

const { UserManager, User, IndexedDbDPoPStore } = globalThis.oidc;

export const RESOURCE = 'bucket:project-123';

/** What an authorization server answers `prompt=none` with where somebody has to do something. */
const NEEDS_SOMEONE = [
  'login_required',
  'consent_required',
  'interaction_required',
  'account_selection_required',
];

/** @param {{ broker: string, authority: string }} settings */
export const createSignIn = ({ broker, authority }) => {
  const here = location.origin;
  const isDaypass = authority === broker;
  const manager = new UserManager({
    authority,
    client_id: 'where2eat',
    redirect_uri: `${here}/callback`,
    popup_redirect_uri: `${here}/callback`,
    post_logout_redirect_uri: `${here}/`,
    scope: isDaypass ? 'openid' : 'openid profile email',
    // At Daypass the person agrees to what it is for; the company's own sign-in knows of no bucket.
    ...(isDaypass && { resource: RESOURCE }),
    // The key stays in the browser's store and cannot be read out of it. With the code bound to it too, Daypass
    // remembers what was agreed to, also on localhost, where anybody may listen.
    dpop: { bind_authorization_code: true, store: new IndexedDbDPoPStore() },
    // A hidden frame carries no session across sites any more: renewing is a popup, or a redirect.
    automaticSilentRenew: false,
    loadUserInfo: false,
  });

  return {
    /** @returns the person, or null */
    current: () => manager.getUser(),

    /** Away to the sign-in, and back at /callback. */
    begin: () => manager.signinRedirect(),

    /**
     * At /callback: a popup hands its answer to the page that opened it, and closes.
     *
     * @param {string} url with the answer
     */
    finish: (url) => manager.signinCallback(url),

    /**
     * Without asking anybody anything, while they are signed in there.
     *
     * @returns whether somebody still is
     */
    renew: async () => {
      try {
        await manager.signinPopup({ prompt: 'none' });
        return true;
      } catch (error) {
        if (NEEDS_SOMEONE.includes(error.error)) return false;
        if (error.error !== undefined) throw error;
        await manager.signinRedirect({ prompt: 'none' }); // popups are blocked
        return true;
      }
    },

    /** Here, and at the sign-in: what came of it is revoked. */
    end: () => manager.signoutRedirect(),

    /** Forgets them here. */
    forget: () => manager.removeUser(),

    /** What `/exchange` takes: Daypass's own token, which is bound to our key, or the company's ID token. */
    credential: (user) =>
      isDaypass
        ? { scheme: 'DPoP', token: user.access_token }
        : { scheme: 'Bearer', token: user.id_token },

    /** A proof by the key of the sign-in (RFC 9449 §4), for the broker. */
    prove: ({ method, url, nonce, token }) => {
      const over = token === undefined ? null : new User({ access_token: token, profile: {} });
      return manager.dpopProof(url, over, method, nonce);
    },
  };
};
