/**
 * Preloaded into the demo: makes answers lie, as a broken broker would. `LIE` is JSON:
 * `{ "path", "status", "becomes" }`: an answer to `path` with `status` becomes another status, or, where
 * `text` is given, has that text replaced in its body.
 */
const { path, status, becomes = status, text, by } = JSON.parse(process.env.LIE ?? '{}');
const honest = globalThis.fetch;

globalThis.fetch = async (url, init) => {
  const answer = await honest(url, init);
  if (answer.status !== status || !new URL(url).pathname.startsWith(path)) return answer;
  const body = await answer.text();
  const { headers } = answer;
  return new Response(text === undefined ? body : body.replace(text, by), {
    status: becomes,
    headers,
  });
};
