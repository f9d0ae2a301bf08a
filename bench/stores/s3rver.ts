/** An S3 server that keeps objects as files: a program of its own. */
// @ts-expect-error it comes without types
import S3rver from '@20minutes/s3rver';

const { PORT = '', ROOT = '', BUCKET = '' } = process.env;
const server = new S3rver({
  address: '127.0.0.1',
  port: Number(PORT),
  silent: true,
  directory: ROOT,
  configureBuckets: [{ name: BUCKET }],
});
await server.run();
process.on('SIGTERM', () => process.exit(0));
