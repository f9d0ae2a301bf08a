import type { Draft } from './draft.ts';
import { durationText } from './duration-text.ts';
import type { Finding } from './finding.ts';

/** floor ≤ default ≤ ceiling: out of that order no ttl would be acceptable, or the default never. */
export const checkLimits = ({ limits }: Draft): Finding[] => {
  if (limits === undefined) return [];
  const { floor, default: standard, ceiling } = limits.ttl;
  const wrong = (member: string, message: string): Finding => ({
    path: ['limits', 'ttl', member],
    rule: 'takes_effect',
    message,
    remedy: 'choose floor ≤ default ≤ ceiling',
  });
  if (floor > ceiling) {
    const text = `${durationText(floor)} is above the ceiling of ${durationText(ceiling)}`;
    return [wrong('floor', text)];
  }
  if (standard < floor) {
    const text = `${durationText(standard)} is below the floor of ${durationText(floor)}`;
    return [wrong('default', text)];
  }
  if (standard <= ceiling) return [];
  const text = `${durationText(standard)} is above the ceiling of ${durationText(ceiling)}`;
  return [wrong('default', text)];
};
