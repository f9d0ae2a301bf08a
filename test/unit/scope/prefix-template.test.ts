import { describe, expect, it } from '@jest/globals';
import { fillPrefix, prefixPlaceholders } from '../../../src/scope/prefix-template.ts';
import { refusalOf, refusedFor } from './refusal.ts';

const ids = { app_id: 'where2eat', user_id: 'u_01' };

describe('prefix templates', () => {
  it('fills in app and user, each as often as it stands there', () => {
    expect(fillPrefix('/w/{app_id}/uploads/{user_id}/', ids)).toBe('/w/where2eat/uploads/u_01/');
    expect(fillPrefix('/{user_id}-{user_id}/', ids)).toBe('/u_01-u_01/');
    expect(fillPrefix('/plain/', ids)).toBe('/plain/');
  });

  it('answers in canonical form', () => {
    expect(fillPrefix('/Menu%CC%88/{user_id}/', ids)).toBe('/Men\u00fc/u_01/');
    expect(refusedFor(() => fillPrefix('/{user_id}', ids))).toMatch('prefix_slashes');
  });

  it.each([
    '/{tenant}/',
    '/{__proto__}/',
    '/{constructor}/',
    '/{}/',
    '/{USER_ID}/',
    '/{ user_id}/',
    '/{user_id/',
    '/user_id}/',
    '/{{user_id}}/',
    '/%7Buser_id%7D/',
  ])('refuses the unknown placeholder in %s', (template) => {
    expect(refusedFor(() => fillPrefix(template, ids))).toMatch('prefix_placeholder');
  });

  it.each(['', '..', '.', 'a/b', '../x', '%2e%2e', 'a b', 'ü', '{app_id}', 'a\0'])(
    'refuses %j as an id: a placeholder is one segment or part of one',
    (user_id) => {
      expect(refusedFor(() => fillPrefix('/{user_id}/', { ...ids, user_id }))).toMatch(
        'prefix_placeholder_value',
      );
    },
  );

  it('refuses to fill in a user where there is none, and says so', () => {
    expect(refusalOf(() => fillPrefix('/{user_id}/', { app_id: 'a' })).violations).toMatchObject([
      { field: 'prefix', remedy: 'exchange a token that has a user' },
    ]);
    expect(fillPrefix('/{app_id}/', { app_id: 'a' })).toBe('/a/');
  });

  it('tells which placeholders a template has', () => {
    expect(prefixPlaceholders('/{app_id}/{user_id}/')).toEqual(new Set(['app_id', 'user_id']));
    expect(prefixPlaceholders('/{app_id}/{tenant}/')).toEqual(new Set(['app_id']));
    expect(prefixPlaceholders('/%7Buser_id%7D/')).toEqual(new Set());
  });
});
