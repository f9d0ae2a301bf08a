import type { Command } from 'commander';
import { type Config, loadConfig } from '../../config/config.ts';
import { ConfigurationError } from '../../config/problem.ts';
import { createOutput, type Output } from '../output.ts';
import { type Surroundings, UsageError } from '../surroundings.ts';

/** Adds itself to the program. */
export type Register = (program: Command, surroundings: Surroundings) => void;

export const outputOf = (command: Command, surroundings: Surroundings): Output =>
  createOutput(surroundings, command.optsWithGlobals<{ json?: boolean }>().json === true);

/** @throws UsageError with every problem of the environment */
export const configOf = ({ env }: Surroundings): Config => {
  try {
    return loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigurationError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
};

/** The answer was given, and it is a no: exit status 1. */
export class Negative extends Error {
  override readonly name = 'Negative';
}
