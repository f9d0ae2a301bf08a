import type { Draft } from './draft.ts';
import { durationText } from './duration-text.ts';
import type { Finding } from './finding.ts';

/** Seconds. Half of it is how long verifiers keep the key set, in whole seconds. */
const SHORTEST = 2;

export const checkKeys = ({ keys, resource_servers }: Draft): Finding[] => {
  if (keys === undefined) return [];
  const { rotate_every, publish_ahead, signer } = keys;
  const findings: Finding[] = [];
  if (publish_ahead < SHORTEST) {
    findings.push({
      path: ['keys', 'publish_ahead'],
      rule: 'takes_effect',
      message: `${durationText(publish_ahead)} leaves verifiers no time to read the key set`,
      remedy: `choose at least ${durationText(SHORTEST)}; 10m unless there is a reason`,
    });
  }
  if (rotate_every < publish_ahead) {
    findings.push({
      path: ['keys', 'rotate_every'],
      rule: 'takes_effect',
      message: `${durationText(rotate_every)} is shorter than publish_ahead, ${durationText(publish_ahead)}`,
      remedy:
        'choose publish_ahead ≤ rotate_every: no key signs before it was published for so long',
    });
  }
  if (!signer?.new_keys) return findings;
  for (const { path, value } of resource_servers.entries) {
    if (value.token_alg !== 'EdDSA') continue;
    findings.push({
      path: [...path, 'token_alg'],
      rule: 'signer_algorithm',
      message: 'EdDSA is not an algorithm of the external signer aws-kms',
      remedy: 'choose ES256 or RS256, or leave keys.signer out',
    });
  }
  return findings;
};
