import { ENCODED_SYNTAX, nfc } from './path-rules.ts';
import { type BrokenRule, orThrow, type Reading, read, refuse } from './reading.ts';

const MAX_BYTES = 128;

/** Longer than any file system takes: not a name to shorten. */
const MAX_TEXT = 4096;

/** An ending longer than this is no extension: shortening may then cut it. */
const MAX_EXTENSION = 16;

const PATH: BrokenRule = {
  rule: 'file_name_path',
  message: 'a file name is not a path',
  remedy: 'give the name only, and the folder in `path`',
};

const CONTROL: BrokenRule = {
  rule: 'file_name_characters',
  message: 'control characters and long runs of combining marks are not allowed in a file name',
  remedy: 'take them out',
};

const TRAILING: BrokenRule = {
  rule: 'file_name_trailing',
  message: 'a file name does not end in a dot or a space',
  remedy: 'take it off the end',
};

const TOO_LONG: BrokenRule = {
  rule: 'file_name_length',
  message: `a file name has at most ${MAX_TEXT} characters`,
  remedy: `use a shorter name; what is kept of it has at most ${MAX_BYTES} bytes`,
};

const EMPTY: BrokenRule = {
  rule: 'file_name_empty',
  message: 'nothing of the file name is left',
  remedy: 'give a name with letters or digits',
};

/** At most 128 characters (all ASCII by now), the extension kept, and no two dots where it is cut. */
const shortened = (name: string): string => {
  if (name.length <= MAX_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= MAX_EXTENSION ? name.slice(dot) : '';
  const stem = name.slice(0, MAX_BYTES - extension.length);
  return `${stem.endsWith('.') ? stem.slice(0, -1) : stem}${extension}`;
};

export const readFileName = (name: string, field = 'filename'): Reading<string> => {
  if (name.length > MAX_TEXT) return refuse(field, TOO_LONG);
  // Leans towards refusing what a path would mean; only what means nothing becomes `_`.
  if (name === '.' || name === '..' || /[/\\]/.test(name) || ENCODED_SYNTAX.test(name)) {
    return refuse(field, PATH);
  }
  // NFC first, or the two spellings of é would be two names.
  const composed = nfc(name);
  if (composed === undefined || !name.isWellFormed() || /\p{Cc}/u.test(name)) {
    return refuse(field, CONTROL);
  }
  if (/[.\s]/u.test(name.slice(-1))) return refuse(field, TRAILING);

  const replaced = composed.replace(/[^A-Za-z0-9._-]/gu, '_');
  const safe = shortened(replaced.replace(/\.{2,}/g, '.'));
  return safe === '' ? refuse(field, EMPTY) : read(safe);
};

/**
 * A file name that is safe as the last segment of a key: `A-Za-z0-9._-`, no run of dots, at most
 * 128 bytes (longer names are cut before their extension). A safe name comes back unchanged.
 *
 * @throws OAuthError `invalid_request` for a path, control characters, or nothing at all
 */
export const safeFileName = (name: string, field = 'filename'): string =>
  orThrow(readFileName(name, field), 'invalid_request');
