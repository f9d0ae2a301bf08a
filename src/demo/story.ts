import { createNarrator } from './story/narrator.ts';
import { openStage } from './story/stage.ts';
import { tell } from './story/tell.ts';

/**
 * `npm run demo`: the main job end to end, on embedded parts. Ends with 0 only if every step did what it
 * says; leaves nothing behind, whichever way it ends.
 */

/** Milliseconds. It takes ten seconds; a machine that is busy may need more, and one that hangs is told so. */
const LONGEST = 120_000;

const began = performance.now();
const elapsed = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;

const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
const narrator = createNarrator({ write: (line) => console.log(line), colour });
narrator.title(
  'Where2Eat: a micro app without a key',
  'A real broker, database, object store and corporate login start on this machine, in a temporary folder. Every request and answer below is real; tokens, proofs and signatures are cut short.',
);

const opening = openStage();

/** Ends the process; what was started goes first, and only once. */
const end = async (code: number, complaint?: string): Promise<never> => {
  if (complaint !== undefined) console.error(`\n✗ ${complaint}`);
  await opening.then((stage) => stage.close()).catch(() => undefined);
  process.exit(code);
};

process.once('SIGINT', () => void end(130));
process.once('SIGTERM', () => void end(143));
setTimeout(() => void end(1, `The demo is not done after ${LONGEST / 1000} s`), LONGEST).unref();

try {
  const stage = await opening;
  console.log(`\n   broker ${stage.broker}   login ${stage.idp}   (ready after ${elapsed()})`);
  await tell(stage, narrator);
} catch (error) {
  const { scenes } = narrator.told();
  const where = scenes === 0 ? 'The demo could not start' : `Step ${scenes} went wrong`;
  await end(1, `${where}: ${error instanceof Error ? error.message : error}`);
}

const { scenes, requests, claims } = narrator.told();
console.log(
  `\n${scenes} steps, ${requests} requests, ${claims} claims: all of them so, in ${elapsed()}.`,
);
console.log('Next: npm start keeps a broker running, to try this by hand; README.md shows how.');
await end(0);
