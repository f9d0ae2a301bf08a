/** Calls Daypass: each with a proof of the key its credential is bound to (RFC 9449). */

/** Daypass said no, and why. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {{ error?: string, error_description?: string, violations?: { remedy: string }[] }} answer
   */
  constructor(status, { error = `HTTP ${status}`, error_description = '', violations = [] }) {
    const remedies = violations.map(({ remedy }) => remedy).join('; ');
    super([error_description || error, remedies].filter((part) => part !== '').join(': '));
    this.status = status;
    this.error = error;
  }

  /** The credential is good for nothing any more: it has expired, or was revoked. */
  get isOver() {
    return this.status === 401;
  }
}

/**
 * @param {string} broker its URL
 * @param {(request: { method: string, url: string, nonce?: string, token?: string }) => Promise<string>} prove
 */
export const createDaypass = (broker, prove) => {
  /** The newest one that Daypass has sent: each proof needs one, and each answer brings the next. */
  let nonce;

  const once = async (path, { method = 'POST', credential: { scheme, token }, body }) => {
    const url = `${broker}${path}`;
    const bound = scheme === 'DPoP' ? { token } : {};
    const response = await fetch(url, {
      method,
      headers: {
        Authorization: `${scheme} ${token}`,
        DPoP: await prove({ method, url, nonce, ...bound }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    nonce = response.headers.get('DPoP-Nonce') ?? nonce;
    return { response, answer: await response.json().catch(() => ({})) };
  };

  /**
   * @param {string} path
   * @param {{ method?: string, credential: { scheme: 'DPoP' | 'Bearer', token: string }, body?: object }} options
   * @returns {Promise<any>} the answer
   * @throws {Refused}
   */
  return async (path, options) => {
    const first = await once(path, options);
    // No nonce yet, or an old one: once more, with the one that came along.
    const wantsNonce = first.answer.error === 'use_dpop_nonce';
    const { response, answer } = wantsNonce ? await once(path, options) : first;
    if (!response.ok) throw new Refused(response.status, answer);
    return answer;
  };
};
