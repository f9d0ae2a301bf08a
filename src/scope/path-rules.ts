import type { BrokenRule } from './reading.ts';

interface PathRule<T> extends BrokenRule {
  readonly breaks: (subject: T) => boolean;
}

/** `%2e`, `%2f`, `%5c`, `%25` and controls: text that a later decoding would make another. */
export const ENCODED_SYNTAX = /%(?:2[5ef]|5c|[01][0-9a-f]|7f)/i;

/** Most paths: nothing to normalise, nothing for a text rule to find. Only a shortcut. */
const PLAIN = /^[A-Za-z0-9/._~=+@ -]*$/;

/** More combining marks in a row than any writing needs (UAX #15 §13, Stream-Safe Text Format). */
const MARK_RUN = /\p{M}{31}/u;

/**
 * NFC; undefined for a run of marks too long to sort. Normalising is quadratic in such a run (50 KB
 * of it held the process for 0.6 s), so this stands before every `normalize` of a caller's text.
 */
export const nfc = (text: string): string | undefined => {
  if (PLAIN.test(text)) return text;
  return MARK_RUN.test(text) ? undefined : text.normalize('NFC');
};

/** Under a compatibility mapping somewhere behind us, `／` becomes `/` and `․` becomes `.`. */
const mapsToSyntax = (character: string): boolean => /[./\\%]/.test(character.normalize('NFKC'));

/** About the whole text, decoded and NFC. First the ones whose character would hide the others. */
const TEXT_RULES: readonly PathRule<string>[] = [
  {
    rule: 'path_characters',
    // \p{C}: control (C0, DEL, C1), format, lone surrogate, private use, and unassigned, whose NFC
    // may change with the next Unicode; \p{DI}: whatever a screen does not show, so that no two
    // paths look alike to the person who approves one.
    breaks: (path) => /[\p{C}\p{Zl}\p{Zp}\p{DI}]/u.test(path),
    message: 'control, invisible, private-use and unassigned characters are not allowed in a path',
    remedy: 'take them out',
  },
  {
    rule: 'path_encoded_twice',
    // Any %, not only %XX: so a canonical path decodes to itself, whoever decodes it again.
    breaks: (path) => path.includes('%'),
    message: 'a path is percent-decoded once, and no % may be left in it',
    remedy: 'encode the path once, and use names without %',
  },
  {
    rule: 'path_backslash',
    breaks: (path) => path.includes('\\'),
    message: 'a backslash is not allowed in a path',
    remedy: 'separate folders with /',
  },
  {
    rule: 'path_lookalike',
    breaks: (path) => path.match(/\P{ASCII}/gu)?.some(mapsToSyntax) ?? false,
    message: 'a character of the path stands for . / \\ or % in compatibility form',
    remedy: 'use the plain character, or another name',
  },
];

const SEGMENT_RULES: readonly PathRule<string>[] = [
  {
    rule: 'path_empty_segment',
    breaks: (segment) => segment === '',
    message: 'a path has no empty segments',
    remedy: 'write one / between folders, and leave an empty path out',
  },
  {
    rule: 'path_dot_segment',
    breaks: (segment) => segment === '.' || segment === '..',
    message: '. and .. are not allowed in a path',
    remedy: 'write the path you mean',
  },
  {
    rule: 'path_trailing',
    // Windows and some gateways drop them, and then two keys are one.
    breaks: (segment) => /[.\s]$/u.test(segment.slice(-1)),
    message: 'a segment of a path does not end in a dot or a space',
    remedy: 'take it off the end',
  },
];

const firstBroken = <T>(rules: readonly PathRule<T>[], subject: T): BrokenRule | undefined => {
  const broken = rules.find((rule) => rule.breaks(subject));
  return broken && { rule: broken.rule, message: broken.message, remedy: broken.remedy };
};

export const brokenText = (path: string): BrokenRule | undefined =>
  PLAIN.test(path) ? undefined : firstBroken(TEXT_RULES, path);

export const brokenSegment = (segments: readonly string[]): BrokenRule | undefined => {
  for (const segment of segments) {
    const broken = firstBroken(SEGMENT_RULES, segment);
    if (broken) return broken;
  }
  return undefined;
};
