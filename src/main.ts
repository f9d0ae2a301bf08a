import { DEMO_SECRET } from './compose/configuration.ts';
import { startDaypass } from './compose.ts';
import { loadConfig } from './config/config.ts';

/** Serves until told to stop. Ends whatever it started. */
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `Daypass runs on Node 24; this is ${process.version}. Run it through npm (npm start), which brings Node 24 along, ` +
      'or install Node 24. An install with --ignore-scripts or --omit=dev has no Node 24 in it.',
  );
  process.exit(2);
}

try {
  const config = loadConfig(process.env);
  const daypass = await startDaypass(config, { env: process.env });
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(1); // asked twice: at once
    stopping = true;
    void daypass.stop().then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // Nothing is known of what state is left: end, and let whoever runs us start again.
  process.on('uncaughtException', (error) => {
    console.error(error);
    process.exit(1);
  });
  console.log(`Daypass      ${daypass.issuer}`);
  console.log(`API docs     ${daypass.issuer}/docs`);
  console.log(`User content ${daypass.contentOrigin}`);
  if (daypass.idp !== undefined) {
    console.log(`Demo IdP     ${daypass.idp}   (ana, sam, uma; password "demo")`);
    console.log(`Demo service nightly-report, secret "${DEMO_SECRET}"`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
