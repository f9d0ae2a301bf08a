import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, textOf } from '../caller.ts';
import type { Telling } from '../telling.ts';
import type { DayPass } from './exchange.ts';
import type { SignedIn } from './sign-in.ts';

/** What someone wants to upload. */
export interface File {
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A photo of one pixel. */
export const PHOTO: File = {
  filename: 'menu of the day.png',
  contentType: 'image/png',
  bytes: Uint8Array.from(
    Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    ),
  ),
};

/** Milliseconds between two questions, and how often they are asked. */
const PATIENCE = { every: 100, times: 150 };

const UNDER_WAY = ['pending', 'uploaded', 'validating'];

export const askForPlace = (
  { call }: Telling,
  { key }: SignedIn,
  { token }: DayPass,
  { filename, contentType, bytes }: File,
): Promise<Answer> =>
  call({ to: '/request-upload', token, key, json: { filename, size: bytes.length, contentType } });

/** PUT to the URL that was given, with the headers that came with it. */
export const put = ({ call }: Telling, place: Answer, { bytes }: File): Promise<Answer> =>
  call({
    method: 'PUT',
    to: textOf(place, 'uploadUrl'),
    headers: place.body.headers as Record<string, string>,
    bytes,
  });

/** Says that the bytes are there, and asks what became of them until something has. */
export const awaitVerdict = async (
  { call, narrator }: Telling,
  { key }: SignedIn,
  { token }: DayPass,
  objectId: string,
): Promise<Answer> => {
  await call({ method: 'POST', to: `/uploads/${objectId}/complete`, token, key });
  const ask = (quietly: boolean) => call({ to: `/uploads/${objectId}`, token, key, quietly });
  for (let asked = 0; asked < PATIENCE.times; asked += 1) {
    const { body } = await ask(true);
    if (!UNDER_WAY.includes(String(body.status))) break;
    await pause(PATIENCE.every);
  }
  narrator.say('… and some moments later:');
  return ask(false);
};

export const uploadPhoto = async (
  telling: Telling,
  ana: SignedIn,
  pass: DayPass,
): Promise<string> => {
  const { narrator } = telling;
  narrator.scene(
    'Ana picks a photo, and the app asks where to put it',
    'It gets one URL, for one object of exactly this size and type, under a key that nobody can read.',
  );
  const place = await askForPlace(telling, ana, pass, PHOTO);
  narrator.holds('there is a place for it', place.status === 201, place.body);

  narrator.scene(
    'The photo goes straight to the storage',
    'No credential is in this request: the URL is the permission, and it writes once.',
  );
  const first = await put(telling, place, PHOTO);
  narrator.holds('the storage takes it', first.status === 200, first.status);
  const second = await put(telling, place, PHOTO);
  narrator.holds('a second PUT is refused', second.status === 412, second.status);

  narrator.scene(
    'Daypass looks at what has arrived',
    'Size, type by the bytes themselves, and checksum. Until it is done nobody can read the object.',
  );
  const verdict = await awaitVerdict(telling, ana, pass, textOf(place, 'objectId'));
  const { status, contentType } = verdict.body;
  const isAvailable = status === 'available' && contentType === PHOTO.contentType;
  narrator.holds('it is what it claims to be, and available', isAvailable, verdict.body);
  return textOf(place, 'objectId');
};
