/** How fast something may go on: GCRA (ITU-T I.371), with one time kept for each key. */
export interface Paces {
  /**
   * Lets one more pass, or not, in one statement: of any number at once, on any number of instances, no more
   * pass than the pace has room for.
   */
  pass(step: PaceStep, now: Date): Promise<Passage>;
}

/** One of whatever is paced. Microseconds, so that thousands a second are told apart. */
export interface PaceStep {
  readonly id: string;
  /** Between two that come evenly. */
  readonly interval: number;
  /** How far ahead of their even times they may come. */
  readonly tolerance: number;
}

export interface Passage {
  readonly passed: boolean;
  /** The theoretical arrival time: when the next one is due. Microseconds since the epoch; never goes back. */
  readonly due: number;
}
