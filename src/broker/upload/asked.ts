import type { Bucket } from '../../config/deployment.ts';
import type { Asked } from '../../inspection/inspector.ts';
import type { ObjectRecord } from '../../ledger/records.ts';
import { unavailable } from '../../protocol/oauth-error.ts';

/**
 * What a bucket wants to know of an upload. Leans closed: of a bucket that is gone from the configuration the bytes
 * are still looked at, and a schema that was never read is one that nothing passes.
 */
export const askedOf = (bucket: Bucket | undefined, { contentType }: ObjectRecord): Asked => {
  const { sniff = true, antivirus, schema = {} } = bucket?.validate ?? {};
  const wanted = new Map(Object.entries(schema)).get(essenceOf(contentType));
  if (typeof wanted === 'string')
    throw unavailable(
      'a schema is named in the configuration, and not given: apply its file again',
    );
  return {
    sniff,
    ...(antivirus === undefined ? {} : { antivirus }),
    ...(wanted === undefined ? {} : { schema: wanted }),
  };
};

const essenceOf = (contentType: string): string => (contentType.split(';', 1)[0] ?? '').trim();
