/** JSON in ASCII alone: whatever else there is, is escaped. Google signs a policy so, and AWS takes no other from us. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all that is not ASCII
    /[^\u0000-\u007f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
