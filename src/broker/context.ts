import type { ClientCertificate } from '../protocol/client-certificate.ts';

/** What is known of a request before anyone is proven. */
export interface RequestContext {
  readonly requestId: string;
  readonly ip: string | undefined;
  /** From `traceparent`, 32 hex digits. */
  readonly traceId: string | undefined;
  /** The browser's `Origin`, where it sent one. */
  readonly origin: string | undefined;
  /** Whose key the other end has proven to hold, by TLS. */
  readonly certificate?: ClientCertificate | undefined;
}

/** A credential in `Authorization`, with what came beside it. Not yet proven, and not to be logged. */
export interface PresentedCredential {
  readonly scheme: 'bearer' | 'dpop';
  readonly value: string;
  /** The `DPoP` header as received: a list where it was repeated. */
  readonly proof: string | string[] | undefined;
  readonly method: string;
  /** The configured public URL of the endpoint, without query. */
  readonly url: string;
  readonly context: RequestContext;
}
