import type { ASKED } from '../scenarios/preparation.ts';
import type { LoadRequest } from './messages.ts';

/** What the uploading program is told, one order at a time. */
export type UploadOrder = HoldOrder | JourneyOrder | PutOrder;

/** Exchange these for bound tokens, and keep them. */
export interface HoldOrder {
  readonly kind: 'hold';
  readonly origin: string;
  readonly idTokens: readonly string[];
  readonly what: keyof typeof ASKED;
}

/** Upload, one after the other on each line, until each is available. */
export interface JourneyOrder {
  readonly kind: 'journeys';
  readonly lines: number;
  readonly seconds: number;
  readonly file: DescribedFile;
}

/** The same bytes to each of these, and no more than these. */
export interface PutOrder {
  readonly kind: 'puts';
  readonly lines: number;
  readonly seconds: number;
  readonly file: DescribedFile;
  readonly origin: string;
  readonly targets: readonly Pick<LoadRequest, 'path' | 'headers'>[];
}

export interface DescribedFile {
  readonly filename: string;
  readonly contentType: string;
  /** Hex. */
  readonly sha256: string;
  readonly base64: string;
}

export interface UploadReport {
  readonly done: number;
  readonly failure: string | undefined;
  readonly seconds: number;
  /** Questions for the status of an upload, in all. */
  readonly asked: number;
  /** Milliseconds of one upload. */
  readonly p50: number;
  readonly p99: number;
}
