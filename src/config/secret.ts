import { existsSync, readFileSync } from 'node:fs';
import { ConfigurationError, type Problem } from './problem.ts';

/** The two questions we ask the disk. */
export interface Files {
  exists(path: string): boolean;
  /** @throws where it cannot be read */
  read(path: string): string;
}

export const disk: Files = {
  exists: existsSync,
  read: (path) => readFileSync(path, 'utf8'),
};

/** Compose files and Helm charts pass unset variables on as empty ones. */
export const given = (value: string | undefined): value is string =>
  value !== undefined && value !== '';

const fromFile = (name: string, path: string, files: Files): string | Problem => {
  try {
    // Editors and `echo` end a file with a newline that nobody means as part of the secret.
    return files.read(path).replace(/\r?\n$/, '');
  } catch {
    return {
      path: `${name}_FILE`,
      rule: 'readable',
      message: 'names a file that cannot be read',
      remedy: 'check that it exists and that the user running Daypass may read it',
    };
  }
};

/** A variable's value, from itself or from the file that `NAME_FILE` names; a problem if from both. */
export const variableOrFile = (
  env: NodeJS.ProcessEnv,
  name: string,
  files: Files,
): string | undefined | Problem => {
  const value = env[name];
  const path = env[`${name}_FILE`];
  if (!given(path)) return given(value) ? value : undefined;
  if (!given(value)) return fromFile(name, path, files);
  // Closed: choosing one of the two would silently keep a rotated secret alive.
  return {
    path: name,
    rule: 'one_source',
    message: `is given twice, as ${name} and as ${name}_FILE`,
    remedy: 'keep one of the two',
  };
};

/**
 * Resolves the secrets that daypass.yaml names (`client_secret_env`, `access_key_id_env`, …).
 *
 * @returns a function from a variable's name to its value; undefined where it is not set.
 * It throws a `ConfigurationError` where the variable is given twice or its file cannot be read.
 */
export const secretReader =
  (env: NodeJS.ProcessEnv, files: Files = disk) =>
  (name: string): string | undefined => {
    const value = variableOrFile(env, name, files);
    if (typeof value === 'object') throw new ConfigurationError('the environment', [value]);
    return value;
  };

/** Whether a secret is there. One that cannot be read is, somehow: what is wrong with it is said where it is used. */
export const isSetIn =
  (secret: (name: string) => string | undefined) =>
  (name: string): boolean => {
    try {
      return secret(name) !== undefined;
    } catch {
      return true;
    }
  };
