import { isPublicType } from '../app-type.ts';
import { hasExpired } from '../expiry.ts';
import type { Circumstances } from './cross-checks.ts';
import type { Draft, Entry } from './draft.ts';
import type { Finding } from './finding.ts';
import type { App } from './schema.ts';

/** Built in: the client of `daypass login` and of the admin API. */
export const ADMIN_CLIENT = 'daypass-cli';

const CREDENTIALS = ['jwks', 'secret_hash', 'tls_client_auth'] as const;
/** Nor has it a certificate of its own: what it holds is bound by DPoP. */
const OF_CONFIDENTIAL = [...CREDENTIALS, 'certificate_bound'] as const;

type AppRule = (entry: Entry<App>, circumstances: Omit<Circumstances, 'written'>) => Finding[];

const notReserved: AppRule = ({ path, value }) =>
  value.id.toLowerCase() === ADMIN_CLIENT
    ? [
        {
          path: [...path, 'id'],
          rule: 'reserved',
          message: `${ADMIN_CLIENT} is the built-in admin client`,
          remedy: 'choose another id',
        },
      ]
    : [];

/** RFC 9700 §4.15: an app for itself is its own `sub`, which must not read like a person's. */
const notLikeAPerson: AppRule = ({ path, value }) =>
  /^u_[0-9a-z]{26}$/i.test(value.id)
    ? [
        {
          path: [...path, 'id'],
          rule: 'reserved',
          message: 'an id of that form is a person’s',
          remedy: 'choose another id',
        },
      ]
    : [];

const notExpired: AppRule = ({ path, value }, { now }) =>
  now !== undefined && hasExpired(value, now)
    ? [
        {
          path: [...path, 'expires'],
          rule: 'expired',
          message: `app "${value.id}" expired on ${value.expires}`,
          remedy: 'ask its owner: set a later date, or remove the app',
        },
      ]
    : [];

/** A public client's credential would be in everyone's hands, so none is ever asked for. */
const publicWithoutCredential: AppRule = ({ path, value }) =>
  isPublicType(value.type)
    ? OF_CONFIDENTIAL.filter((name) => value[name] !== undefined).map((name) => ({
        path: [...path, name],
        rule: 'takes_effect',
        message: `a ${value.type} app cannot keep a credential and never authenticates`,
        remedy: 'remove it, or make the app a web or service app',
      }))
    : [];

/** Nobody signs in to it, so there is nobody to sign out; or what it is told could be read on its way. */
const logoutUri: AppRule = ({ path, value }, { production }) => {
  const uri = value.backchannel_logout_uri;
  const at = [...path, 'backchannel_logout_uri'];
  if (uri !== undefined && value.redirect_uris.length === 0) {
    const message = 'nobody can sign in to an app without redirect_uris';
    return [{ path: at, rule: 'takes_effect', message, remedy: 'add them, or remove it' }];
  }
  if (uri === undefined || !production || uri.startsWith('https:')) return [];
  return [
    {
      path: at,
      rule: 'https',
      message: 'must be https in production',
      remedy: 'serve it with TLS',
    },
  ];
};

/** With two ways in, the weaker one decides. None, or no keys yet, is fine: nobody gets in. */
const oneCredential: AppRule = ({ path, value }) => {
  const [, ...further] = CREDENTIALS.filter((name) => value[name] !== undefined);
  if (isPublicType(value.type)) return [];
  return further.map((name) => ({
    path: [...path, name],
    rule: 'one_credential',
    message: 'an app authenticates in one way',
    remedy: `keep one of ${CREDENTIALS.join(', ')}`,
  }));
};

const RULES: readonly AppRule[] = [
  notReserved,
  notLikeAPerson,
  notExpired,
  publicWithoutCredential,
  oneCredential,
  logoutUri,
];

export const checkApps = (
  { apps }: Draft,
  { production, now, written }: Circumstances,
): Finding[] =>
  apps.entries.flatMap((entry) => {
    const isWritten = written === undefined || written.includes(entry.value.id);
    const circumstances = { production, ...(isWritten && now && { now }) };
    return RULES.flatMap((rule) => rule(entry, circumstances));
  });
