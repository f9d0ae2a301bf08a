export const APP_TYPES = ['browser', 'native', 'web', 'service'] as const;

export type AppType = (typeof APP_TYPES)[number];

/** A public client cannot keep a secret (RFC 6749 §2.1): nothing but a key tells it from whoever says its id. */
export const isPublicType = (type: AppType): boolean => type === 'browser' || type === 'native';
