import { DEMO_SECRET } from './compose/configuration.ts';
import { startDaypass } from './compose.ts';
import { loadConfig } from './config/config.ts';

// Serves until told to stop, and ends whatever it started.
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
