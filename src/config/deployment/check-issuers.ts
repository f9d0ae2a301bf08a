import { isSafeTransport, webUrl } from '../url.ts';
import type { Draft, Entry } from './draft.ts';
import type { Finding } from './finding.ts';
import type { Issuer } from './schema.ts';

/** Keys fetched in clear could be anyone's: http only to this machine, and only while developing. */
const transport = ({ path, value }: Entry<Issuer>, production: boolean): Finding[] => {
  const url = webUrl(value.issuer);
  if (url === undefined || url.protocol === 'https:') return [];
  if (!production && isSafeTransport(url)) return [];
  return [
    {
      path: [...path, 'issuer'],
      rule: 'https',
      message: production
        ? 'must be https in production'
        : 'must be https; http is for loopback only',
      remedy: 'use the https URL of the IdP',
    },
  ];
};

/** An ID token names its issuer only by `iss`: with two entries its tenant would be a guess. */
const repeated = (issuers: readonly Entry<Issuer>[]): Finding[] => {
  const seen = new Map<string, string>();
  return issuers.flatMap(({ path, value }): Finding[] => {
    const first = seen.get(value.issuer);
    if (first === undefined) {
      seen.set(value.issuer, value.id);
      return [];
    }
    return [
      {
        path: [...path, 'issuer'],
        rule: 'distinct',
        message: `is the \`iss\` of issuer "${first}" already`,
        remedy: 'keep one entry for each IdP',
      },
    ];
  });
};

export const checkIssuers = (
  { issuers }: Draft,
  { production }: { readonly production: boolean },
): Finding[] => [
  ...issuers.entries.flatMap((entry) => transport(entry, production)),
  ...repeated(issuers.entries),
];
