/** Monotonic: a clock that is set does not move the ledger's until it is measured again. */
export const localTime = (): number => STARTED + performance.now();
/** Asked of Node once: it is a getter that costs more than the time itself. */
const STARTED = performance.timeOrigin;
