/** Names for one thing: what browsers and people write, and the name we compare by. */
const ALIASES = new Map([
  ['application/x-gzip', 'application/gzip'],
  ['application/x-pdf', 'application/pdf'],
  ['application/x-rar', 'application/x-rar-compressed'],
  ['application/vnd.rar', 'application/x-rar-compressed'],
  ['application/x-zip-compressed', 'application/zip'],
  ['audio/m4a', 'audio/mp4'],
  ['audio/mp3', 'audio/mpeg'],
  ['audio/vnd.wave', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/x-flac', 'audio/flac'],
  ['audio/x-m4a', 'audio/mp4'],
  ['audio/x-wav', 'audio/wav'],
  ['image/heic-sequence', 'image/heic'],
  ['image/jpg', 'image/jpeg'],
  ['image/pjpeg', 'image/jpeg'],
  ['image/vnd.microsoft.icon', 'image/x-icon'],
  ['image/x-ms-bmp', 'image/bmp'],
  ['image/x-png', 'image/png'],
  ['text/rtf', 'application/rtf'],
  ['text/x-vcard', 'text/vcard'],
  ['text/xml', 'application/xml'],
  ['video/x-m4v', 'video/mp4'],
  ['video/x-matroska', 'video/matroska'],
  ['video/x-msvideo', 'video/vnd.avi'],
]);

/** Envelopes that the sniffer cannot always see into: a declared content of theirs is believed. */
const ENVELOPES: ReadonlyMap<string, RegExp> = new Map([
  [
    'application/zip',
    /^application\/(?:epub\+zip|vnd\.oasis\.opendocument\.|vnd\.openxmlformats-officedocument\.)/,
  ],
  ['application/x-cfb', /^application\/(?:msword|vnd\.ms-(?:excel|powerpoint|outlook))$/],
  ['application/xml', /\+xml$|^text\/html$/],
  ['application/ogg', /^(?:audio|video)\/ogg$/],
  ['image/apng', /^image\/png$/],
  ['image/heif', /^image\/heic$/],
  ['video/webm', /^audio\/webm$/],
  ['video/mp4', /^audio\/mp4$/],
]);

/** Types whose bytes carry no mark of their own but are text. */
const TEXT =
  /^text\/|^application\/(?:json|ld\+json|xml|x-ndjson|jsonl|yaml|x-yaml|toml|sql|graphql|javascript)$|\+(?:json|xml|yaml)$/;

/** Type and subtype by their common name, without parameters. */
export const commonName = (contentType: string): string => {
  const essence = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  return ALIASES.get(essence) ?? essence;
};

/** By common name. */
export const isText = (name: string): boolean => TEXT.test(name);

/** By common name: may something declared as the one have been recognised as the other? */
export const agrees = (declared: string, detected: string): boolean =>
  declared === detected ||
  (ENVELOPES.get(detected)?.test(declared) ?? false) ||
  // Any text is plain text; whether these bytes are text is asked separately.
  (declared === 'text/plain' && isText(detected));
