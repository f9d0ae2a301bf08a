import { type MayAct, NOBODY } from '../protocol/principal.ts';
import type { JsonObject } from './jwt.ts';

/**
 * The `may_act` claim (RFC 8693 §4.4): its `sub`, `iss` and `client_id`. Others that describe the same party
 * are not needed to know it. One that does not say whom it means, or in no way we read, names nobody: leans closed.
 *
 * @param isName whether a value can be compared and recorded.
 * @returns undefined where there is no such claim.
 */
export const readMayAct = (
  payload: JsonObject,
  isName: (value: unknown) => value is string,
): MayAct | undefined => {
  if (!Object.hasOwn(payload, 'may_act')) return undefined;
  const claim = payload.may_act;
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) return NOBODY;
  const { sub, iss, client_id: clientId } = claim as JsonObject;
  const given = [sub, iss, clientId].filter((value) => value !== undefined);
  if (!given.every(isName) || (sub === undefined && clientId === undefined)) return NOBODY;
  return {
    ...(isName(iss) && { issuer: iss }),
    ...(isName(sub) && { subject: sub }),
    ...(isName(clientId) && { clientId }),
  };
};
