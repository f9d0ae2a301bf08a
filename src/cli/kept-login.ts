import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Surroundings } from './surroundings.ts';

/** What `daypass login` leaves behind: a token that is good for nothing without the key beside it. */
export interface KeptLogin {
  readonly server: string;
  readonly accessToken: string;
  /** P-256 private key, PEM: what the token is bound to. */
  readonly key: string;
  readonly userId: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

type Logins = Readonly<Record<string, KeptLogin>>;

/** `$DAYPASS_HOME`, else where this person's programs keep their settings. */
export const loginFile = ({ env }: Pick<Surroundings, 'env'>): string => {
  const home = env.HOME || homedir();
  const folder = env.DAYPASS_HOME || join(env.XDG_CONFIG_HOME || join(home, '.config'), 'daypass');
  return join(folder, 'logins.json');
};

const isLogin = (value: unknown): value is KeptLogin => {
  if (typeof value !== 'object' || value === null) return false;
  const login = value as Readonly<Record<string, unknown>>;
  const members = ['server', 'accessToken', 'key', 'userId', 'expiresAt'];
  return members.every((name) => typeof login[name] === 'string');
};

/** A file that cannot be read is as good as none: signing in again writes a new one. */
const readLogins = (file: string): Logins => {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, login]) => isLogin(login)));
  } catch {
    return {};
  }
};

const writeLogins = (file: string, logins: Logins): void => {
  if (Object.keys(logins).length === 0) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(logins, null, 2)}\n`, { mode: 0o600 });
  chmodSync(file, 0o600); // a file that was there keeps the mode it had
};

/** The login at this server; undefined where there is none or it has ended. */
export const findLogin = (server: string, surroundings: Surroundings): KeptLogin | undefined => {
  const login = readLogins(loginFile(surroundings))[server];
  return login && Date.parse(login.expiresAt) > surroundings.now().getTime() ? login : undefined;
};

export const keepLogin = (login: KeptLogin, surroundings: Surroundings): void => {
  const file = loginFile(surroundings);
  writeLogins(file, { ...readLogins(file), [login.server]: login });
};

/** Whatever is kept for this server, ended or not; it is kept no longer. */
export const takeLogin = (server: string, surroundings: Surroundings): KeptLogin | undefined => {
  const file = loginFile(surroundings);
  const { [server]: taken, ...rest } = readLogins(file);
  if (taken) writeLogins(file, rest);
  return taken;
};
