import { OAuthError } from '../protocol/oauth-error.ts';

/** RFC 6749 §3.3: `scope-token = 1*NQCHAR`, which leaves out space, `"`, `\` and all control characters. */
const NOT_NQCHAR = /[^\x21\x23-\x5b\x5d-\x7e]/;

/**
 * The tokens of an OAuth `scope` parameter, each once: `scope-token *( SP scope-token )`, one space
 * between them (RFC 6749 §3.3). Their order means nothing, and neither does naming one twice.
 *
 * @throws OAuthError `invalid_scope`, also for the empty text: who asks for nothing leaves it out
 */
export const scopeTokens = (text: string, field = 'scope'): readonly string[] => {
  const tokens = text.split(' ');
  if (tokens.every((token) => token !== '' && !NOT_NQCHAR.test(token))) return [...new Set(tokens)];
  throw new OAuthError('invalid_scope', 'the scope is malformed', {
    violations: [
      {
        field,
        rule: 'scope_syntax',
        message: 'scope is a list of tokens of printable ASCII, with one space between them',
        remedy: 'separate scopes by one space; percent-encode everything else',
      },
    ],
  });
};
