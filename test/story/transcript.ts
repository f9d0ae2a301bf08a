import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, type Started } from './started.ts';

/** What README.md shows being typed, and what it shows being answered. */
export interface Exchange {
  readonly commands: string;
  /** Undefined where it shows no answer. */
  readonly answer: string | undefined;
}

const SECTION = /<!-- transcript: begin -->([\s\S]*)<!-- transcript: end -->/;
const BLOCK = /```bash\n([\s\S]*?)```(?:\s*```text\n([\s\S]*?)```)?/g;

export const readTranscript = (markdown: string): readonly Exchange[] => {
  const [, section = ''] = SECTION.exec(markdown) ?? [];
  return [...section.matchAll(BLOCK)].map(([, commands = '', answer]) => ({ commands, answer }));
};

/** The same page with other answers, whose secrets are cut short. */
export const withAnswers = (markdown: string, answers: readonly string[]): string => {
  let place = -1;
  return markdown.replace(SECTION, (section) =>
    section.replaceAll(BLOCK, (block, commands: string) => {
      place += 1;
      const answer = cutSecrets(answers[place] ?? '').trimEnd();
      const typed = `\`\`\`bash\n${commands}\`\`\``;
      return answer === '' ? block : `${typed}\n\n\`\`\`text\n${answer}\n\`\`\``;
    }),
  );
};

/** Between the answers of two blocks. */
const SEPARATOR = '\u001E';

/**
 * Types all of it into one shell, as a reader would, and answers what each block printed. `npx daypass` is
 * this checkout's own program.
 */
export const type = async (
  transcript: readonly Exchange[],
  { url, idp }: Started,
): Promise<readonly string[]> => {
  const script = transcript
    .map(({ commands }) => commands.replaceAll('http://localhost:8080', url))
    .join(`\nprintf '${SEPARATOR}'\n`);
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', NPX + script], {
    cwd: ROOT,
    timeout: 90_000,
    env: {
      PATH: process.env.PATH,
      ISSUER: url,
      NODE: process.execPath,
      PROGRAM: join(ROOT, 'bin/daypass.js'),
      IDP: idp,
    },
  });
  return stdout.split(SEPARATOR);
};

const NPX = 'npx() { shift; "$NODE" "$PROGRAM" "$@" --idp "$IDP"; }\n';

const cutSecrets = (text: string): string =>
  text
    .replaceAll(/(dp_[a-z]{2}_\w{6})\w{32}/g, '$1…')
    .replaceAll(/(eyJ[\w-]{9})[\w-]+\.[\w-]+\.[\w-]+/g, '$1…')
    .replaceAll(/(signature=[\w-]{12})[\w-]+/g, '$1…');

/** What differs between two runs that are alike: ids, times, ports, and what is cut short. */
export const alike = (text: string): string =>
  cutSecrets(text)
    .trim()
    .replaceAll(/(dp_[a-z]{2}_)\w+…/g, '$1…')
    .replaceAll(/eyJ[\w-]+…/g, 'eyJ…')
    .replaceAll(/\b(tk|ob|rv)_[0-9A-Z]{26}\b/g, '$1_…')
    .replaceAll(/\bu_[0-9a-z]{26}\b/g, 'u_…')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/localhost:\d+/g, 'localhost')
    .replaceAll(/\/[0-9a-f]{32}\?/g, '/…?')
    .replaceAll(/expires=\d+/g, 'expires=…')
    .replaceAll(/signature=[\w-]+…/g, 'signature=…')
    .replaceAll(/sha256:[0-9a-f]{64}/g, 'sha256:…')
    .replaceAll(/("?(?:issued_at|iat|exp|idx)"?: )\d+/g, '$1…');
