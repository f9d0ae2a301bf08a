import { startDaypass } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/config.ts';

/** `npm start`, for a machine on which the demo IdP's port is taken: its only argument is another one. */
const daypass = await startDaypass(loadConfig(process.env), {
  env: process.env,
  idpPort: Number(process.argv[2]),
});
process.once('SIGTERM', () => void daypass.stop().then(() => process.exit(0)));
