import type { Checked, InspectionCheck } from '../protocol/inspection-report.ts';
import type { Clean, Declaration, Refused } from './inspector.ts';

const refused = (
  before: readonly Checked[],
  check: InspectionCheck,
  rule: string,
  field: string,
  message: string,
  remedy: string,
): Refused => ({
  ok: false,
  reason: rule,
  checks: [...before, { check, outcome: 'failed', detail: message }],
  violations: [{ field, rule, message, remedy }],
});

const wholly = ({ size, sha256 }: Clean, refusal: Refused): Refused => ({
  ...refusal,
  found: { size, sha256 },
});

/** Every refusal of ours, in the words of whoever uploaded the file. */
export const refusal = {
  size: (checks: readonly Checked[], { size }: Declaration, found: string): Refused =>
    refused(
      checks,
      'size',
      'size_mismatch',
      'size',
      `the upload has ${found} bytes where ${size} were declared`,
      'declare the exact size, and upload the whole file',
    ),

  type: (checks: readonly Checked[], { contentType }: Declaration, found: string): Refused =>
    refused(
      checks,
      'type',
      'type_mismatch',
      'contentType',
      `the upload was declared as ${contentType}, and its bytes are ${found}`,
      'declare what the file is; text must be UTF-8',
    ),

  checksum: (checks: readonly Checked[]): Refused =>
    refused(
      checks,
      'checksum',
      'checksum_mismatch',
      'sha256',
      'the upload has another SHA-256 than declared',
      'upload the file that was hashed',
    ),

  malware: (read: Clean, signature: string): Refused =>
    wholly(
      read,
      refused(
        read.checks,
        'antivirus',
        'malware',
        'body',
        `the virus scanner knows it as ${signature}`,
        'do not pass the file on; ask the security desk where you think it is mistaken',
      ),
    ),

  unscannable: (read: Clean): Refused =>
    wholly(
      read,
      refused(
        read.checks,
        'antivirus',
        'too_large_to_inspect',
        'size',
        'the file is larger than the virus scanner of this bucket takes',
        'upload a smaller file, or ask the platform team to raise StreamMaxLength of clamd',
      ),
    ),

  unbearable: (read: Clean, broke: 'time' | 'memory'): Refused =>
    wholly(
      read,
      refused(
        read.checks,
        'type',
        'inspection_failed',
        'body',
        broke === 'time'
          ? 'the file takes longer to look into than any file may'
          : 'the file takes more memory to look into than any file may',
        'make the file smaller or simpler',
      ),
    ),
};
