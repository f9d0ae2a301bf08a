import { unavailable } from '../../protocol/oauth-error.ts';
import { type CorsRule, type ExpiryRule, known, type SelfDescribing } from '../bucket-settings.ts';
import type { ControlOptions } from './control.ts';
import { readText } from './http.ts';

interface Described {
  readonly iamConfiguration?: { readonly publicAccessPrevention?: string };
  readonly versioning?: { readonly enabled?: boolean };
  readonly retentionPolicy?: { readonly isLocked?: boolean };
  readonly objectRetention?: { readonly mode?: string };
  readonly cors?: readonly { readonly origin?: string[]; readonly method?: string[] }[];
  readonly lifecycle?: {
    readonly rule?: readonly {
      readonly action?: { readonly type?: string };
      readonly condition?: { readonly age?: number; readonly matchesPrefix?: readonly string[] };
    }[];
  };
}

const EVERYBODY = new Set(['allUsers', 'allAuthenticatedUsers']);

/** The settings of a bucket on Google Cloud Storage, by its JSON API. */
export const createSettingsReader = ({
  location,
  bucket,
  call,
}: ControlOptions): SelfDescribing => {
  const ask = async <Answer>(operation: string, below = ''): Promise<Answer> => {
    const url = `${location.origin}/storage/v1/b/${bucket}${below}`;
    const response = await call()(operation, { method: 'GET', url });
    const text = await readText(response);
    if (response.status !== 200)
      throw unavailable(`storage ${operation} failed: ${response.status}`);
    try {
      return JSON.parse(text) as Answer;
    } catch (error) {
      throw unavailable(`storage ${operation} failed: no JSON`, error);
    }
  };

  const isOpen = async ({ iamConfiguration }: Described): Promise<boolean> => {
    if (iamConfiguration?.publicAccessPrevention === 'enforced') return false;
    const { bindings = [] } = await ask<{ bindings?: readonly { members?: string[] }[] }>(
      'policy',
      '/iam',
    );
    return bindings.some(({ members = [] }) => members.some((member) => EVERYBODY.has(member)));
  };

  const toldOf = async (): Promise<readonly string[]> => {
    const { items = [] } = await ask<{ items?: readonly NotificationItem[] }>(
      'notifications',
      '/notificationConfigs',
    );
    return items
      .filter(({ event_types: types }) => types?.includes('OBJECT_FINALIZE') ?? true)
      .map(({ topic = '' }) => topic);
  };

  return {
    settings: async () => {
      const found = await known(() => ask<Described>('bucket'));
      if ('unknown' in found) {
        const { unknown } = found;
        const no = { unknown };
        return { isPublic: no, isVersioned: no, isLocked: no, cors: no, expiry: no, told: no };
      }
      const { value } = found;
      return {
        isPublic: await known(() => isOpen(value)),
        isVersioned: { value: value.versioning?.enabled === true },
        isLocked: {
          value: value.retentionPolicy !== undefined || value.objectRetention?.mode === 'Enabled',
        },
        cors: { value: corsOf(value) },
        expiry: { value: expiryOf(value) },
        told: await known(toldOf),
      };
    },
  };
};

interface NotificationItem {
  readonly topic?: string;
  /** Absent: of all types. */
  readonly event_types?: readonly string[];
}

const corsOf = ({ cors = [] }: Described): readonly CorsRule[] =>
  cors.map(({ origin = [], method = [] }) => ({ origins: origin, methods: method }));

const expiryOf = ({ lifecycle }: Described): readonly ExpiryRule[] =>
  (lifecycle?.rule ?? []).flatMap(({ action, condition: { age, matchesPrefix } = {} }) =>
    action?.type === 'Delete' && age !== undefined
      ? (matchesPrefix ?? ['']).map((prefix) => ({ prefix, days: age }))
      : [],
  );
