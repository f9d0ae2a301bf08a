import { textOf } from '../caller.ts';
import type { Telling } from '../telling.ts';
import type { DayPass } from './exchange.ts';
import type { SignedIn } from './sign-in.ts';
import { PHOTO } from './upload.ts';

/** A link that works once. */
export const askForLink = async (
  { call, narrator }: Telling,
  { key }: SignedIn,
  { token }: DayPass,
  objectId: string,
): Promise<string> => {
  const answer = await call({ to: '/request-download', token, key, json: { objectId } });
  const isOnce = answer.status === 201 && answer.body.guarantee === 'single_use';
  narrator.holds('the link is for a single use', isOnce, answer.body);
  return textOf(answer, 'downloadUrl');
};

export const downloadOnce = async (
  telling: Telling,
  ana: SignedIn,
  pass: DayPass,
  objectId: string,
): Promise<void> => {
  const { call, narrator } = telling;
  narrator.scene(
    'A friend gets a link to the photo, and it works once',
    'The link is a ticket on an origin of its own, so that nothing anybody uploads can act as the broker.',
  );
  const link = await askForLink(telling, ana, pass, objectId);
  const show = ['content-type', 'content-disposition', 'content-security-policy'];
  const first = await call({ to: link, show });
  const isPhoto = first.status === 200 && first.bytes.equals(PHOTO.bytes);
  narrator.holds('the very bytes Ana uploaded', isPhoto, first.status);
  const isHarmless = first.headers.get('content-disposition')?.startsWith('attachment') === true;
  narrator.holds('as an attachment, in a sandbox', isHarmless, Object.fromEntries(first.headers));

  narrator.scene(
    'Somebody finds the link in a chat log',
    'It was used. One atomic statement in the database says so, on every instance.',
  );
  const second = await call({ to: link });
  narrator.holds('the second use is refused: 410', second.status === 410, second.status);
};
