import type { ConfirmedConfiguration } from '../broker/configuration.ts';
import type { ClientMetadata } from '../broker/registration/new-app.ts';
import type { createRegister } from '../broker/registration/register.ts';
import { unproven } from '../protocol/oauth-error.ts';
import type { Section } from './app.ts';
import { MAX_BODY, readJson } from './body.ts';
import { readCredential } from './credential.ts';
import { NO_STORE } from './reply.ts';
import { methodNotAllowed } from './unanswered.ts';
import { readClientMetadata, toClientInformation } from './wire/registration.ts';

export interface RegistrationDependencies {
  readonly issuer: string;
  readonly configuration: Pick<ConfirmedConfiguration, 'confirm'>;
  readonly register: ReturnType<typeof createRegister>;
}

const PATH = '/register';

/** `POST /register` (RFC 7591 §3). There is no such endpoint unless some tenant lets apps register themselves. */
export const createRegistration =
  ({ issuer, configuration, register }: RegistrationDependencies): Section =>
  async (visit) => {
    if (visit.path !== PATH) return undefined;
    const { deployment } = await configuration.confirm();
    if (!deployment.tenants.some(({ registration }) => registration)) return undefined;
    visit.route = PATH;
    if (visit.method !== 'POST') throw methodNotAllowed(['POST']);
    const { request, method, context } = visit;
    const url = `${issuer}${PATH}`;
    const { scheme, value } = readCredential(request.headersDistinct, method, url, context);
    if (scheme !== 'bearer') throw unproven('an initial access token is a bearer token');
    let metadata: ClientMetadata | undefined;
    const read = async (): Promise<ClientMetadata> => {
      metadata = readClientMetadata(await readJson(request, MAX_BODY));
      return metadata;
    };
    const made = await register(value, read, context);
    // Undefined only where nothing was read, and then nothing was made.
    const body = metadata && toClientInformation(made, metadata);
    return { status: 201, headers: NO_STORE, body };
  };
