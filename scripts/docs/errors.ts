import { type OAuthErrorCode, STATUS } from '../../src/protocol/oauth-error.ts';
import { GENERATED, type Generator, table } from './generator.ts';

/** When each is sent and what a client does about it. A new code without a line here does not compile. */
const MEANING: Readonly<Record<OAuthErrorCode, readonly [when: string, help: string]>> = {
  invalid_request: [
    "Malformed input, an unknown parameter type, a `ttl` outside the deployment's floor and ceiling; also a token given as a parameter that is not acceptable (RFC 8693 §2.2.2).",
    'Correct what `violations` names. For a token: sign in again.',
  ],
  invalid_token: [
    'The credential in `Authorization` is not acceptable, whatever is wrong with it (RFC 6750 §3.1).',
    'Sign in again, or exchange again, and present the fresh token.',
  ],
  insufficient_user_authentication: [
    'An admin changes something with a token whose sign-in may be more than 15 minutes old (RFC 9470 §3); `max_age` of `WWW-Authenticate` says how old it may be.',
    'Sign in again (`prompt=login`, or `max_age`), and repeat. `daypass` does so by itself.',
  ],
  invalid_client: [
    'Client authentication failed (RFC 6749 §5.2).',
    "Check the app's credential and that the app is enabled.",
  ],
  unauthorized_client: [
    'The client may not use this grant type (RFC 6749 §5.2).',
    'Use a grant type its app type allows.',
  ],
  unsupported_grant_type: [
    'The grant type is not known here (RFC 6749 §5.2).',
    'Use one that discovery lists.',
  ],
  invalid_grant: [
    "A code or refresh token is spent, expired, revoked or another client's (RFC 6749 §5.2).",
    'Start the flow again.',
  ],
  invalid_scope: [
    'A scope or action beyond what is held; nothing is clipped (RFC 6749 §5.2).',
    'Ask for less, or for another grant for the app.',
  ],
  invalid_target: [
    'The resource or audience is unknown, or not for this app (RFC 8707 §2, RFC 8693 §2.2.2).',
    "Name a resource of the app's grants.",
  ],
  invalid_authorization_details: [
    'The `authorization_details` are malformed or not known (RFC 9396 §5).',
    'Correct what `violations` names.',
  ],
  invalid_client_metadata: [
    'What an app that registers itself says is not acceptable (RFC 7591 §3.2.2).',
    'Correct what `violations` names.',
  ],
  invalid_redirect_uri: [
    'A redirect URI of an app that registers itself is not acceptable (RFC 7591 §3.2.2).',
    'Use https, http on loopback, or a scheme of your own with a dot.',
  ],
  invalid_request_object: [
    'A signed request (`request`) is not acceptable: its signature, its times, its `typ`, or what has to be in it (RFC 9101 §7).',
    'Sign a fresh one for this issuer, with every parameter in it.',
  ],
  invalid_dpop_proof: [
    'The proof is not acceptable; 401 where it accompanies a `DPoP` credential (RFC 9449 §5).',
    'Make a fresh proof for this method and URL with the newest nonce.',
  ],
  use_dpop_nonce: [
    'A nonce is wanted in the proof; 401 where it accompanies a `DPoP` credential (RFC 9449 §8, §9).',
    'Repeat with the nonce of the `DPoP-Nonce` header.',
  ],
  access_denied: [
    'Policy says no.',
    'Do what `violations` suggests, or ask the owner of the policy.',
  ],
  not_found: ["There is no such thing, or it is another tenant's.", 'Check the id.'],
  method_not_allowed: ['The path does not know this method.', 'Use one of the `Allow` header.'],
  conflict: [
    'The state has moved on meanwhile, or something else refers to what would go.',
    'Read it again, then decide; `violations` names what refers to it.',
  ],
  gone: ['A single-use ticket was used, or has expired.', 'Request another.'],
  precondition_failed: [
    'It is not, or no longer, what `If-Match` or `If-None-Match` says (RFC 9110 §15.5.13).',
    'GET it, look at what is there now, and send its `ETag`.',
  ],
  payload_too_large: ['The body is larger than the endpoint reads.', 'Send less.'],
  too_many_requests: [
    'A rate limit or quota is used up.',
    'Wait for `Retry-After` seconds; `RateLimit` shows what is left.',
  ],
  server_error: ['A defect of ours; never for input.', 'Report it with the `request_id`.'],
  temporarily_unavailable: [
    'A part that is needed is down, or the record cannot be written; nothing was issued.',
    'Repeat after `Retry-After` seconds.',
  ],
};

const rows = (Object.keys(STATUS) as OAuthErrorCode[]).map((code) => [
  `\`${code}\``,
  String(STATUS[code]),
  ...MEANING[code],
]);

/** The ways into the wrong door: what people hold, how it is told, and where it belongs. */
const KINDS = [
  [
    'an ID token of your IdP',
    '`eyJ…`, its header without `typ` or with `JWT`, `iss` is the IdP',
    '`Authorization: Bearer` at `/exchange`; `subject_token` at `/token`',
    '401 at every API: it says who signed in and grants nothing. Exchange it first.',
  ],
  [
    'a JWT access token of Daypass',
    '`eyJ…`, its header with `typ` `at+jwt`, `iss` is Daypass',
    'the API of its `aud`; `subject_token` at `/token`, with the type `access_token`',
    "401 at Daypass's own endpoints and at any other API: ask for a token with that `resource`.",
  ],
  [
    'an access token of Daypass',
    '`dp_at_…`',
    "Daypass's endpoints, or the API of its `resource`, which introspects it; `/exchange` narrows it",
    '401, or `invalid_target` where its holder is proven and it is for another resource.',
  ],
  [
    'a refresh token',
    '`dp_rt_…`',
    '`refresh_token` at `/token`, and nowhere else but `/introspect` and `/revoke`',
    '401 in `Authorization`: it is no access token. Refresh first.',
  ],
  [
    'a download ticket',
    '`dp_dl_…`, within a URL',
    'the content origin, by `GET` of that URL as it is',
    '401 in `Authorization`: it stands in its URL, and for one object.',
  ],
  [
    "an app's secret, or any other API key",
    'whatever your platform team gave you',
    '`Authorization: Basic` at `/token`, with the id of the app',
    '401 (`invalid_token` at an API, `invalid_client` at `/token`): only tokens open APIs.',
  ],
  [
    'an initial access token',
    'whatever your platform team gave you',
    '`Authorization: Bearer` at `/register`',
    "401 `invalid_token`; at `/register` too where it is wrong, has expired, or is not in its tenant's `registration.initial_access_tokens` as a SHA-256.",
  ],
  [
    'the secret of storage events',
    'what the variable of `events.secret_env` holds',
    '`X-Daypass-Event-Secret` at `/events/s3` or `/events/azure`, or the `OpaqueData` of a Ceph topic',
    "401 `invalid_token`, also where it is wrong or its variable is not in the broker's environment: `daypass doctor` says the latter.",
  ],
];

export const errors: Generator = {
  path: 'docs/errors.md',
  render: () => `${GENERATED}

# Errors

Every refusal is \`{ "error", "error_description", "violations": [{ "field", "rule", "message", "remedy" }], "request_id" }\`.
Failed authentication reads alike whatever was wrong; once the caller is proven, \`violations\` says which field broke
which rule and what would help. The codes stand in src/protocol/oauth-error.ts.

${table(['error', 'status', 'when', 'what to do'], rows)}

## A good credential at the wrong door

An answer with 401 never says what was wrong: whoever found a token would learn what it is good for. So nothing tells you that
a token is genuine and merely not meant for where it was sent. What it is shows in the token itself; compare before you ask for help:

${table(['what you hold', 'what it looks like', 'where it goes', 'sent elsewhere'], KINDS)}

Two more slips read the same: a \`DPoP\` token sent as \`Bearer\` (or the other way round), and a token whose app, user or sign-in
has been revoked meanwhile. \`token_type\` of the answer that gave you the token says which of the two words it takes, and
\`/introspect\` says whether it is still good, to the clients it concerns. For operators the reason stands in the audit
(\`GET /admin/v1/audit?outcome=denied\`) and, where nobody was known, in the log, under the \`request_id\` of the answer.
`,
};
