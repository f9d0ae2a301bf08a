const UNITS = [
  ['h', 3600],
  ['m', 60],
] as const;

/** Seconds as the file writes them: 3600 is `1h`, 90 is `90s`. */
export const durationText = (seconds: number): string => {
  const unit = UNITS.find(([, length]) => seconds % length === 0);
  return unit ? `${seconds / unit[1]}${unit[0]}` : `${seconds}s`;
};
