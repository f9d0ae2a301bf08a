/** The exit code of a process that has grown too large, said with its last breath. */
export const TOO_LARGE = 86;
