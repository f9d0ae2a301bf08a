import type { Residual } from '../../ledger/ledger.ts';

/** What would cut short what the revocation cannot reach: in the words of the provider that still honours it. */
export const mitigationOf = ({ kind, provider }: Pick<Residual, 'kind' | 'provider'>): string => {
  switch (kind) {
    case 'presigned_put':
      return `what arrives is quarantined, never released; to stop it arriving, ${cutUrls(provider)}`;
    case 'presigned_get':
      return `quarantine the objects (contain_objects), and the URLs find nothing; or ${cutUrls(provider)}`;
    case 'cloud_credentials':
      return `${(provider && CUT_SESSIONS[provider]) ?? 'end the sessions with their cloud'}, or let them end`;
    case 'jwt':
      return 'resource servers that verify offline accept it until it expires; the status list and the revocation feed tell those that read them, introspection those that ask';
  }
};

const cutUrls = (provider: string | undefined): string =>
  (provider && CUT_URLS[provider]) ?? 'rotate the storage credentials that signed the URLs';

/** A signature holds as long as what it was made with; each cloud takes that back in its own way. */
const CUT_URLS: Readonly<Record<string, string>> = {
  local: 'give every instance another KEY_ENCRYPTION_KEY, and restart them',
  s3: "deny the sessions of the broker's role that are older than now (AWS: AWSRevokeOlderSessions, a deny on aws:TokenIssueTime), deactivate the access key that bucket.credentials names, or close the bucket by a deny in its policy",
  azure:
    'revoke the user delegation keys of the account (az storage account revoke-delegation-keys), or rotate the account key that bucket.credentials names',
  gcs: 'take the bucket from the service account that signs, or disable it; where bucket.credentials names its key, delete that key',
};

const CUT_SESSIONS: Readonly<Record<string, string>> = {
  s3: "deny the role's older sessions (AWS: AWSRevokeOlderSessions on temporary_credentials.role_arn)",
  azure:
    'revoke the user delegation keys of the account (az storage account revoke-delegation-keys)',
  gcs: "remove the service account's access",
};
