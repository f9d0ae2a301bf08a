import { type Audited, audited } from '../audited.ts';
import type { Asked } from './asked.ts';
import { type Exchange, type ExchangeDependencies, identify } from './exchange.ts';

type HearDependencies = Audited & Pick<ExchangeDependencies, 'configuration' | 'issuer'>;

/** What a proven caller asks for: where that means nothing, the refusal is on record, with the caller. */
export const createHear =
  (dependencies: HearDependencies) =>
  <Request>(caller: Omit<Exchange, 'asked'>, read: () => Request): Promise<Request> => {
    const known = identify({ ...caller, asked: NOTHING }, dependencies);
    return audited(dependencies, 'token.issue', known, caller.proofs, async () => read());
  };

const NOTHING: Asked = {
  resource: undefined,
  actions: undefined,
  constraints: {},
  details: undefined,
  ttl: undefined,
  lawfulBasis: undefined,
};
