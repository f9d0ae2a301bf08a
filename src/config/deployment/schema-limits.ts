import { z } from 'zod';
import { count, size } from './values.ts';

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
