import { readDer, readOid } from './der.ts';

/**
 * A distinguished name, most specific part first: for each relative name its attributes, sorted, each written as
 * object identifier and value. Equal names are equal arrays of equal text.
 *
 * Compared exactly: the case and the spaces of a value count, although RFC 4517 §4.2 would fold them. Leans closed:
 * whoever registers a name writes it as the certificate has it.
 */
export type DistinguishedName = readonly (readonly string[])[];

/** RFC 4514 §3, RFC 4519 §2, RFC 2985 §5.2.1; in the spelling of OpenSSL where they have none. */
const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['cn', '2.5.4.3'],
  ['sn', '2.5.4.4'],
  ['serialnumber', '2.5.4.5'],
  ['c', '2.5.4.6'],
  ['l', '2.5.4.7'],
  ['st', '2.5.4.8'],
  ['street', '2.5.4.9'],
  ['o', '2.5.4.10'],
  ['ou', '2.5.4.11'],
  ['title', '2.5.4.12'],
  ['gn', '2.5.4.42'],
  ['givenname', '2.5.4.42'],
  ['dnqualifier', '2.5.4.46'],
  ['organizationidentifier', '2.5.4.97'],
  ['uid', '0.9.2342.19200300.100.1.1'],
  ['dc', '0.9.2342.19200300.100.1.25'],
  ['emailaddress', '1.2.840.113549.1.9.1'],
]);

/** RFC 4514 §3: a type, `=`, a value in hexadecimal or with escapes, and what separates it from the next. */
const ATTRIBUTE =
  /([a-z][a-z0-9-]*|\d+(?:\.\d+)+)=(#(?:[0-9a-f]{2})+|(?![ #])(?:[^\\,+"<>;\0]|\\[ ,+"<>;#=\\]|\\[0-9a-f]{2})*)([,+]|$)/iy;

/**
 * Reads the string form (RFC 4514 §2, §3), without the spaces around separators that older forms allow.
 *
 * @returns undefined where it is none, or names an attribute we do not know by that name.
 */
export const parseDistinguishedName = (text: string): DistinguishedName | undefined => {
  const names: string[][] = [[]];
  let at = 0;
  let separator = ',';
  while (separator !== '') {
    ATTRIBUTE.lastIndex = at;
    const [whole, type = '', value = '', next = ''] = ATTRIBUTE.exec(text) ?? [];
    const attribute = whole === undefined ? undefined : toAttribute(type, value);
    if (whole === undefined || attribute === undefined) return undefined;
    if (separator === ',' && at > 0) names.push([]);
    names.at(-1)?.push(attribute);
    at += whole.length;
    separator = next;
  }
  return names.map((attributes) => attributes.sort());
};

const toAttribute = (type: string, written: string): string | undefined => {
  const oid = /^\d/.test(type) ? type : ATTRIBUTES.get(type.toLowerCase());
  // A space at the end has to be escaped, or nobody would see that it is meant.
  if (oid === undefined || /(?:^|[^\\])(?:\\\\)* $/.test(written)) return undefined;
  if (written.startsWith('#')) return ofDer(oid, Buffer.from(written.slice(1), 'hex'));
  const bytes = written.replace(/\\(?:([0-9a-f]{2})|(.))/gi, (_, hex, special) =>
    hex === undefined ? special : `\0${hex}`,
  );
  const text = utf8(unescaped(bytes));
  return text === undefined ? undefined : `${oid}=${text}`;
};

/** Text in which a NUL comes before two hexadecimal digits, as bytes. */
const unescaped = (text: string): Buffer =>
  Buffer.concat(
    text
      .split('\0')
      .flatMap((part, index) =>
        index === 0
          ? [Buffer.from(part)]
          : [Buffer.from(part.slice(0, 2), 'hex'), Buffer.from(part.slice(2))],
      ),
  );

/** The Name of a certificate (RFC 5280 §4.1.2.4), in DER. @throws {RangeError} where it is none. */
export const readDistinguishedName = (name: Buffer): DistinguishedName =>
  readDer(name)
    .map(({ content: set }) =>
      readDer(set)
        .map(({ content: attribute }) => {
          const [type, value] = readDer(attribute);
          if (!type || !value) throw new RangeError('not an attribute');
          return ofDer(readOid(type.content), value.whole);
        })
        .sort(),
    )
    .reverse(); // RFC 4514 §2.1: a certificate has the least specific first

const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;
const IA5_STRING = 0x16;
const TEXT: readonly number[] = [UTF8_STRING, PRINTABLE_STRING, IA5_STRING];

/** One text is the same in each of the encodings for it; what is no text is the same as itself only. */
const ofDer = (oid: string, whole: Buffer): string => {
  const other = `${oid}=\0${whole.toString('hex')}`; // no text begins with NUL
  try {
    const [value, ...more] = readDer(whole);
    if (!value || more.length > 0 || !TEXT.includes(value.tag)) return other;
    const text = utf8(value.content);
    return text === undefined || text.startsWith('\0') ? other : `${oid}=${text}`;
  } catch {
    return other;
  }
};

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const utf8 = (bytes: Buffer): string | undefined => {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
};
