import { describe, expect, it } from '@jest/globals';
import type { Answered } from '../../../src/http/app.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { OAuthError } from '../../../src/protocol/oauth-error.ts';

const answered: Answered = {
  method: 'POST',
  route: '/exchange',
  status: 200,
  milliseconds: 30,
  requestId: 'a7e1c2aa-0000-4000-8000-000000000000',
  ip: '203.0.113.9',
  error: undefined,
};

const linesOf = async (metrics: ReturnType<typeof createMetrics>): Promise<string[]> =>
  (await metrics.render()).split('\n');

describe('metrics', () => {
  it('puts an answer into buckets of seconds, under its route and status', async () => {
    const metrics = createMetrics();
    metrics.answered(answered);
    const labels = 'method="POST",route="/exchange",status="200",error=""';
    const lines = await linesOf(metrics);
    expect(lines).toContain(`daypass_http_request_duration_seconds_bucket{${labels},le="0.025"} 0`);
    expect(lines).toContain(`daypass_http_request_duration_seconds_bucket{${labels},le="0.05"} 1`);
    expect(lines).toContain(`daypass_http_request_duration_seconds_sum{${labels}} 0.03`);
  });

  it('names the error of a refusal', async () => {
    const metrics = createMetrics();
    const error = new OAuthError('access_denied', 'no', { detail: 'for us only' });
    metrics.answered({ ...answered, status: 403, error });
    const text = await metrics.render();
    expect(text).toContain('status="403",error="access_denied"');
    expect(text).not.toContain('for us only');
  });

  it('counts what was granted and denied, by kind', async () => {
    const metrics = createMetrics();
    metrics.issued('token', 'granted');
    metrics.issued('token', 'granted');
    metrics.issued('upload', 'denied');
    const lines = await linesOf(metrics);
    expect(lines).toContain('daypass_credentials_total{kind="token",outcome="granted"} 2');
    expect(lines).toContain('daypass_credentials_total{kind="upload",outcome="denied"} 1');
  });

  it('says nothing of the host, the caller or the request', async () => {
    const metrics = createMetrics();
    metrics.answered(answered);
    const text = await metrics.render();
    expect(text).not.toMatch(/target_info|otel_scope|host|203\.0\.113\.9|a7e1c2aa/);
  });

  it('gives methods of a caller‘s own making one label', async () => {
    const metrics = createMetrics();
    for (const method of ['PROPFIND', 'MKCOL']) metrics.answered({ ...answered, method });
    const text = await metrics.render();
    expect(text).toContain('method="other"');
    expect(text).not.toMatch(/PROPFIND|MKCOL/);
  });

  it('observes the event loop and the memory of the process', async () => {
    const text = await createMetrics().render();
    expect(text).toMatch(/^daypass_event_loop_delay_p99_seconds \d/m);
    expect(Number(/^daypass_resident_memory_bytes (\d+)/m.exec(text)?.[1])).toBeGreaterThan(1e6);
  });

  it('keeps one broker’s numbers apart from another’s in the same process', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.issued('download', 'granted');
    expect(await other.render()).not.toContain('daypass_credentials_total{');
  });

  it('is the text format that Prometheus reads: comments and samples, and a newline at the end', async () => {
    const metrics = createMetrics();
    metrics.answered(answered);
    const text = await metrics.render();
    expect(text.endsWith('\n')).toBe(true);
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) \S+ .+|[a-z_0-9]+(\{([a-z_]+="[^"]*",?)+\})? \S+)$/);
    }
  });
});
