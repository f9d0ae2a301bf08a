import { PROVIDERS } from '../support/storage-providers.ts';
import { itWithstandsStorageCases } from './storage-cases.ts';

for (const provider of PROVIDERS) itWithstandsStorageCases(provider);
