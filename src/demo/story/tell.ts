import { createCaller } from './caller.ts';
import type { Narrator } from './narrator.ts';
import { downloadOnce } from './scenes/download.ts';
import { tradeForPass } from './scenes/exchange.ts';
import { refuseExcess, refuseLie, refuseThief } from './scenes/misuse.ts';
import { readRecord } from './scenes/record.ts';
import { leaveThingsOut, openAdminDoor, refuseAfterwards, revoke } from './scenes/revocation.ts';
import { anaSignsIn } from './scenes/sign-in.ts';
import { uploadPhoto } from './scenes/upload.ts';
import type { Stage } from './stage.ts';

/**
 * The story of Where2Eat, scene by scene, over HTTP against a running broker.
 *
 * @throws {StepFailed} at the first thing that is not as the story says.
 */
export const tell = async (stage: Stage, narrator: Narrator): Promise<void> => {
  const telling = { stage, narrator, call: createCaller(stage.broker, narrator) };

  // What Ana's app does all day.
  const ana = await anaSignsIn(telling);
  const pass = await tradeForPass(telling, ana);
  const photo = await uploadPhoto(telling, ana, pass);
  await downloadOnce(telling, ana, pass, photo);

  // What goes wrong, and does no harm.
  await refuseLie(telling, ana, pass);
  await refuseExcess(telling, ana, pass);
  await refuseThief(telling, pass);

  // What the security team does about a leak.
  const loose = await leaveThingsOut(telling, ana, pass, photo);
  const security = await openAdminDoor(telling);
  await revoke(telling, security, pass);
  await refuseAfterwards(telling, ana, pass, loose);
  await readRecord(telling, security, pass);
};
