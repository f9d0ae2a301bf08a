/** Deeper prefixes are contained in nothing: it bounds what one question costs, and it leans closed. */
const MAX_DEPTH = 64;

const NOT_CANONICAL = /\/\/|\/\.{1,2}(?:\/|$)|[\\\p{Cc}]/u;

/**
 * Every prefix that holds `path`, itself included when it ends in `/`: `/a/b` → `/`, `/a/`.
 *
 * Cedar's `like` takes literal patterns only, so containment is asked as membership in this set.
 *
 * @throws {TypeError} where the path is not canonical. Paths are made canonical long before (law 5); a second look
 *   costs little, and without it `/invoices/2026/../2025/` would lie within `/invoices/2026/`.
 */
export const ancestors = (path: string): readonly string[] => {
  if (!isCanonical(path)) throw new TypeError('a path is not canonical');
  const found: string[] = [];
  for (
    let slash = 0;
    slash >= 0 && found.length < MAX_DEPTH;
    slash = path.indexOf('/', slash + 1)
  ) {
    found.push(path.slice(0, slash + 1));
  }
  return found;
};

const isCanonical = (path: string): boolean =>
  path.startsWith('/') &&
  path.isWellFormed() &&
  path === path.normalize('NFC') &&
  !NOT_CANONICAL.test(path);
