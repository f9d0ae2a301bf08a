import type { Readable } from 'node:stream';
import type { Checked, InspectionCheck } from '../protocol/inspection-report.ts';
import type { Violation } from '../protocol/oauth-error.ts';
import { beginScan, isScannerDown, type Scan } from './antivirus/clamd.ts';
import { readOnce } from './read-once.ts';
import { refusal } from './refusal.ts';
import { commonName } from './sniff/media-type.ts';
import type { Spool, Spooled } from './spool.ts';
import type { Findings, Job } from './workbench/job.ts';
import { needsLook } from './workbench/needs-look.ts';
import type { Broke, Workbench } from './workbench/workbench.ts';

/**
 * Inspection: is this upload what it claims to be, and nothing else besides? It reads a stream once and answers;
 * it does not know where the bytes lie, whose they are, or what becomes of them.
 */
export interface Inspector {
  /**
   * Reads the upload once, in bounded memory, and no further than it takes to refuse it. The body is destroyed
   * in any case.
   *
   * @throws OAuthError `temporarily_unavailable` when a part that is needed cannot answer, such as the storage: nobody
   *   then knows what the upload is, so it has to wait.
   */
  inspect(upload: Upload): Promise<Verdict>;
}

export interface Upload {
  readonly body: Readable;
  readonly declared: Declaration;
  readonly asked: Asked;
}

export interface Declaration {
  /** Bytes, exact. */
  readonly size: number;
  readonly contentType: string;
  /** Hex. */
  readonly sha256?: string;
}

/** What is looked at besides size and checksum, which always are. */
export interface Asked {
  /** False: the bytes may be of another type than declared, and are not looked into. */
  readonly sniff: boolean;
  /** `clamd://host:port`; absent: nobody looks for malware. */
  readonly antivirus?: string;
  /** The JSON Schema of this content type; absent: none. */
  readonly schema?: object;
}

export type Verdict = Clean | Refused | Undecided;

interface Found {
  /** Bytes that were read. */
  readonly size: number;
  /** Hex, of the bytes that were read. */
  readonly sha256: string;
}

export interface Clean extends Found {
  readonly ok: true;
  /** As declared, and not contradicted by the bytes. */
  readonly contentType: string;
  readonly checks: readonly Checked[];
}

export interface Refused {
  readonly ok: false;
  /** The first of `violations`, by its rule; `malware` for what the scanner knows. */
  readonly reason: string;
  readonly checks: readonly Checked[];
  readonly violations: readonly Violation[];
  /** Where the file was read to its end. */
  readonly found?: Found;
}

/** Nobody was there to say: the upload has to wait. */
export interface Undecided {
  readonly ok: undefined;
  readonly waitsFor: InspectionCheck;
  readonly cause: unknown;
}

export interface InspectorOptions {
  readonly spool: Spool;
  readonly workbench: Pick<Workbench, 'examine'>;
  /** Milliseconds without a sign of life after which the virus scanner counts as down. */
  readonly silence?: number;
}

export const createInspector = (options: InspectorOptions): Inspector => ({
  inspect: async (upload) => {
    const job = jobOf(upload);
    let scan: Scan | undefined;
    let file: Spooled | undefined;
    try {
      // 1. Who is to see the bytes as they pass: first the one that may not be there at all.
      scan = await scannerFor(upload, options);
      file = job && (await options.spool.open(upload.declared.size));

      // 2. The bytes, once.
      const read = await readOnce(upload, [scan, file]);
      if (!read.ok) return read;

      // 3. What the scanner says of them, before anything opens them.
      const known = await scannedBy(scan, read);
      if (!known.ok || !job || !file) return known;

      // 4. What they are made of.
      await file.close();
      return judged(known, await options.workbench.examine({ ...job, path: file.path }));
    } catch (error) {
      if (isScannerDown(error)) return { ok: undefined, waitsFor: 'antivirus', cause: error };
      throw error;
    } finally {
      upload.body.destroy();
      scan?.abandon();
      await file?.discard();
    }
  },
});

const scannerFor = async (
  { asked }: Upload,
  { silence }: InspectorOptions,
): Promise<Scan | undefined> => {
  const { antivirus: address } = asked;
  if (address === undefined) return undefined;
  return beginScan({ address, ...(silence === undefined ? {} : { silence }) });
};

/** Undefined where nothing has to be opened. */
const jobOf = ({ declared, asked }: Upload): Omit<Job, 'path'> | undefined => {
  const job = {
    size: declared.size,
    contentType: commonName(declared.contentType),
    structure: asked.sniff,
    ...(asked.schema === undefined ? {} : { schema: asked.schema }),
  };
  return needsLook(job) ? job : undefined;
};

const scannedBy = async (scan: Scan | undefined, read: Clean): Promise<Clean | Refused> => {
  if (!scan) return read;
  const result = await scan.end();
  switch (result.found) {
    case 'nothing':
      return { ...read, checks: [...read.checks, { check: 'antivirus', outcome: 'passed' }] };
    case 'malware':
      return refusal.malware(read, result.signature);
    case 'too_large':
      return refusal.unscannable(read);
  }
};

const judged = (read: Clean, found: Findings | Broke): Clean | Refused => {
  if ('broke' in found) return refusal.unbearable(read, found.broke);
  const checks = [...read.checks, ...found.checks];
  const [first] = found.violations;
  if (!first) return { ...read, checks };
  const { size, sha256 } = read;
  return {
    ok: false,
    reason: first.rule,
    checks,
    violations: found.violations,
    found: { size, sha256 },
  };
};
