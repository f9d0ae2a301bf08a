/** Milliseconds: after its URL has expired an upload begun in time may still be arriving, and clocks may disagree. */
export const ARRIVAL_MS = 60_000;
