import { textOf } from '../caller.ts';
import type { Telling } from '../telling.ts';
import { askForLink } from './download.ts';
import type { DayPass } from './exchange.ts';
import { type SignedIn, signIn } from './sign-in.ts';
import { askForPlace, PHOTO } from './upload.ts';

/** What is out when the alarm goes: a link nobody has used, and an upload URL nobody has used. */
export interface Loose {
  readonly link: string;
}

/** Sam, through the admin door. */
export interface Security {
  readonly sam: SignedIn;
  readonly token: string;
}

export const leaveThingsOut = async (
  telling: Telling,
  ana: SignedIn,
  pass: DayPass,
  objectId: string,
): Promise<Loose> => {
  telling.narrator.scene(
    'It is an ordinary evening: a link and an upload URL are out',
    'Nobody has used either yet. They are what makes a revocation hard.',
  );
  const link = await askForLink(telling, ana, pass, objectId);
  const place = await askForPlace(telling, ana, pass, PHOTO);
  telling.narrator.holds('the upload URL is given', place.status === 201, place.body);
  return { link };
};

export const openAdminDoor = async (telling: Telling): Promise<Security> => {
  const { narrator, call, stage } = telling;
  narrator.scene(
    'Sam, of the security team, opens the admin door',
    'No admin password and no admin key: a sign-in at most five minutes old, used once, and a proof. What Sam may do comes from a group of the company, looked up at each request.',
  );
  const sam = await signIn(telling, 'sam', 'daypass');
  const door = await call({
    to: '/exchange',
    token: sam.idToken,
    scheme: 'Bearer',
    key: sam.key,
    json: { app_id: 'daypass-cli', resource: `${stage.broker}/admin`, actions: ['admin'] },
  });
  narrator.holds('it opens for Sam', door.status === 200, door.body);
  return { sam, token: textOf(door, 'access_token') };
};

export const revoke = async (
  { narrator, call }: Telling,
  { sam, token }: Security,
  { tokenId }: DayPass,
): Promise<void> => {
  narrator.scene(
    'Sam revokes the pass, and gets a receipt',
    'A pass of Where2Eat was seen in a public notebook. What descends from it dies with it, and the receipt says what is out of reach, where, and until when.',
  );
  const { status, body } = await call({
    to: '/admin/v1/revocations',
    token,
    key: sam.key,
    json: { target: { token_id: tokenId }, reason: 'pass seen in a public notebook' },
  });
  narrator.holds('the revocation holds from this answer on', status === 201, body);
  const { tokens, tickets } = body.killed as { tokens?: number; tickets?: number };
  const isDead = tokens === 1 && tickets === 1;
  narrator.holds('the pass is dead, and the link with it', isDead, body.killed);
  const [left] = body.residual as readonly { kind?: string; count?: number }[];
  const isHonest = left?.kind === 'presigned_put' && left.count === 1;
  narrator.holds('the upload URL is named as what is left', isHonest, body.residual);
};

export const refuseAfterwards = async (
  { narrator, call }: Telling,
  { key }: SignedIn,
  { token }: DayPass,
  { link }: Loose,
): Promise<void> => {
  narrator.scene(
    'From now on the pass is refused',
    'Even in the right hands and with the right key, and on every instance at once.',
  );
  const json = { filename: 'again.png', size: PHOTO.bytes.length, contentType: 'image/png' };
  const pass = await call({ to: '/request-upload', token, key, json });
  const isRefused = pass.status === 401 && pass.body.error === 'invalid_token';
  narrator.holds('the pass is refused: 401', isRefused, pass.body);
  const ticket = await call({ to: link });
  narrator.holds('the link that was out is refused: 410', ticket.status === 410, ticket.status);
};
