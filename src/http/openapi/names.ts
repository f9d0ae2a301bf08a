import { zodToOpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import type { z } from 'zod';
import { auditItem, revocationAnswer, revocationBody, tokenItem } from '../wire/admin.ts';
import { downloadAnswer, downloadBody, objectItem } from '../wire/download.ts';
import { exchangeAnswer, exchangeBody } from '../wire/exchange.ts';
import { uploadAnswer, uploadBody, uploadStatus } from '../wire/upload.ts';

/** The names under `components.schemas`: what a generated client calls its types. */
const NAMES: Readonly<Record<string, z.ZodType>> = {
  ExchangeRequest: exchangeBody,
  IssuedToken: exchangeAnswer,
  UploadRequest: uploadBody,
  GrantedUpload: uploadAnswer,
  UploadStatus: uploadStatus,
  DownloadRequest: downloadBody,
  GrantedDownload: downloadAnswer,
  StoredObject: objectItem,
  RevocationRequest: revocationBody,
  Revocation: revocationAnswer,
  TokenRecord: tokenItem,
  AuditEvent: auditItem,
};

/** Has the generator refer to these wherever they occur, instead of spelling them out again. */
export const nameSchemas = (): void => {
  for (const [refId, schema] of Object.entries(NAMES)) {
    zodToOpenAPIRegistry.add(schema, { _internal: { refId } });
  }
};
