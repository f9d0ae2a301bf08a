/** How much of a secret is shown: enough to see that two are the same, too little to use. */
const SHOWN = 12;

/** What opens something when it is presented: JWTs and proofs, opaque tokens and tickets, signatures. */
const SECRETS = [
  /eyJ[\w-]{9,}(?:\.[\w-]*)+/g,
  /dp_[a-z]{2}_[0-9A-Za-z]{38}/g,
  /(?<=[?&](?:signature|X-Amz-Signature|X-Amz-Security-Token|code|state|nonce)=)[^&"\s]{13,}/g,
];

/** A text that may be shown to anyone: each secret in it is cut to its first 12 characters. */
export const shorten = (text: string): string =>
  SECRETS.reduce(
    (shown, secret) => shown.replaceAll(secret, (found) => `${found.slice(0, SHOWN)}…`),
    text,
  );
