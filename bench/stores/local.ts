/** A local store and nothing else: a program of its own, that takes what is presigned for it. */
import { createServer } from 'node:http';
import { createLocalGateway } from '../../src/storage/local/gateway.ts';
import { createLocalStore } from '../../src/storage/local/local-store.ts';

const { PORT = '', ROOT = '', BUCKET = '', SECRET = '' } = process.env;
const baseUrl = `http://127.0.0.1:${PORT}/local`;
const secret = Buffer.from(SECRET, 'hex');
const store = createLocalStore({ root: ROOT, bucket: BUCKET, baseUrl, secret });
const gateway = createLocalGateway({ stores: (id) => (id === BUCKET ? store : undefined) });

createServer((request, response) => {
  if (request.url === '/ready') response.end();
  else void gateway(request, response, new Date());
}).listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
