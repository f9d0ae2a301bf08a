import { describe, expect, it } from '@jest/globals';
import { describedRoutes } from '../../../src/http/route-table.ts';
import { createRouter } from '../../../src/http/router.ts';

const toRoute = createRouter(describedRoutes());
const pathOf = (method: string, path: string) => toRoute(method, path)?.route.path;

describe('the router', () => {
  it('takes every route of the table by its own method', () => {
    for (const { method, path } of describedRoutes()) {
      const found = toRoute(method, path.replaceAll(/\{\w+\}/g, 'some-id'));
      expect([found?.route.method, found?.route.path]).toEqual([method, path]);
    }
  });

  it('hands on the decoded parameters', () => {
    expect(toRoute('GET', '/uploads/a%2Fb')?.params).toEqual({ objectId: 'a/b' });
    expect(toRoute('GET', '/uploads/%')?.params).toEqual({ objectId: '%' });
  });

  it('takes HEAD for GET', () => {
    expect(pathOf('HEAD', '/health/live')).toBe('/health/live');
  });

  it.each(['/uploads/', '/uploads/a/b', '/uploads', '/exchange/', '/EXCHANGE', '', '*'])(
    'knows nothing of %s',
    (path) => expect(toRoute('GET', path)).toBeUndefined(),
  );

  it('refuses another method on a path it knows, and names those it takes', () => {
    expect(() => toRoute('GET', '/exchange')).toThrow(
      expect.objectContaining({ status: 405, headers: { Allow: 'POST' } }),
    );
    expect(() => toRoute('DELETE', '/uploads/some-id')).toThrow(
      expect.objectContaining({ status: 405, headers: { Allow: 'GET, HEAD' } }),
    );
  });
});
