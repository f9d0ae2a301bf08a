import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call of a token service, as it came over the wire. */
export interface TokenServiceCall {
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

/** Whose keys it says they are, unless told otherwise. */
const USER = 'arn:aws:iam::123456789012:user/daypass';

/** Answers as STS does, with sessions of an hour, or with a code of its own; and remembers what it was asked. */
export const startTokenService = async (
  answer: (call: TokenServiceCall) => number | string = () => 200,
  caller = USER,
): Promise<{
  url: string;
  calls: TokenServiceCall[];
  /** Who asked whose their key is. */
  callers: TokenServiceCall[];
  stop(): Promise<void>;
}> => {
  const calls: TokenServiceCall[] = [];
  const callers: TokenServiceCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const call = { headers: request.headers, form };
      const asksWho = form.get('Action') === 'GetCallerIdentity';
      (asksWho ? callers : calls).push(call);
      const answered = answer(call);
      const [status, code] =
        typeof answered === 'number' ? [answered, 'AccessDenied'] : [400, answered];
      const action = form.get('Action');
      response.writeHead(status, { 'content-type': 'text/xml' });
      const xmlns = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"';
      if (status === 200 && asksWho)
        return response.end(
          `<${action}Response ${xmlns}><${action}Result><Arn>${caller}</Arn></${action}Result></${action}Response>`,
        );
      return response.end(
        status === 200
          ? `<${action}Response ${xmlns}><${action}Result><Credentials><AccessKeyId>ASIA${calls.length}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></${action}Result></${action}Response>`
          : `<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    callers,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
