import type { Clean, Refused } from '../../inspection/inspector.ts';
import type { InspectionCheck, InspectionReport } from '../../protocol/inspection-report.ts';

/** What is told of an inspection, to whoever uploaded the file. */

export const passed = ({ checks }: Clean, at: Date): InspectionReport => ({
  checks,
  violations: [],
  inspectedAt: at.toISOString(),
});

export const refusedFor = ({ checks, violations }: Refused, at: Date): InspectionReport => ({
  checks,
  violations,
  inspectedAt: at.toISOString(),
});

export const waitingFor = (check: InspectionCheck, at: Date): InspectionReport => ({
  checks: [
    {
      check,
      outcome: 'waiting',
      detail:
        check === 'antivirus'
          ? 'the virus scanner does not answer; it is asked again'
          : 'a part that inspection needs does not answer; it is tried again',
    },
  ],
  violations: [],
  inspectedAt: at.toISOString(),
});

/** Messages in a line of their own; the report has them all. */
const SPELT_OUT = 3;

export const reasonOf = ({ violations, reason }: Refused): string => {
  const messages = violations.slice(0, SPELT_OUT).map(({ message }) => message);
  const more = violations.length - messages.length;
  return [...messages, ...(more > 0 ? [`and ${more} more`] : [])].join('; ') || reason;
};

export const changedMeanwhile: Refused = {
  ok: false,
  reason: 'changed_meanwhile',
  checks: [{ check: 'checksum', outcome: 'failed' }],
  violations: [
    {
      field: 'uploadUrl',
      rule: 'changed_meanwhile',
      message: 'the object changed while it was inspected',
      remedy: 'request another upload, and use its URL once',
    },
  ],
};
