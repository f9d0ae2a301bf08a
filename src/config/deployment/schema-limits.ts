import { z } from 'zod';
import { count, size } from './values.ts';

/** How fast requests may come. All of one key are counted in one row: that is good for so many, and no more. */
const pace = z.strictObject({
  per_second: count.max(1_000).meta({ description: 'Requests a second, evenly.' }),
  burst: z.int().min(0).max(100_000).meta({
    description: 'How many more may come at once, after as long a silence.',
  }),
});

/** Of whoever it is that asks. */
export const requestPace = pace.exactOptional();

/** What uploads may take, of whatever it is said. */
const ofUploads = {
  uploads_per_hour: count.exactOptional().meta({
    description: 'Uploads asked for; one that expires or is rejected is given back.',
  }),
  bytes_per_day: size.exactOptional().meta({
    description: 'What they have in all; given back as well.',
  }),
  live_uploads: count.exactOptional().meta({
    description: 'Uploads at once that are not settled yet: asked for, arriving or looked into.',
  }),
};

export const uploadLimits = z.strictObject(ofUploads);

export const appLimits = z.strictObject({
  requests: requestPace.meta({
    description:
      'How fast a user of the app may ask to exchange, upload, download or borrow; beyond it the answer is 429.',
  }),
  exchanges_per_minute: count.exactOptional().meta({ description: 'Tokens issued.' }),
  ...ofUploads,
  all_users: uploadLimits.exactOptional().meta({
    description: 'The same for all users of the app together.',
  }),
});

export const tenantLimits = z.strictObject({
  ...ofUploads,
  each_user: uploadLimits.exactOptional().meta({
    description: 'The same for each user, over all apps.',
  }),
});
