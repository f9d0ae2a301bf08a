import type { App } from '../../config/deployment.ts';

/** Can it keep a secret (RFC 6749 §2.1)? Then it authenticates, and what it holds is tied to that. */
export const isConfidential = ({ type }: App): boolean => type === 'web' || type === 'service';
