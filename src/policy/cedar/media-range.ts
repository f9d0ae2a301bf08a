/** The ranges that admit a content type, parameters aside: itself, `image/*` and the range of all. */
export const rangesOf = (contentType: string): readonly string[] => {
  const [essence = ''] = contentType.split(';', 1);
  const type = essence.trim().toLowerCase();
  return [type, `${type.split('/', 1)[0]}/*`, '*/*'];
};
