import { describe, expect, it } from '@jest/globals';
import { bucketLocation, bucketOf, parseResource } from '../../../src/scope/resource.ts';
import { refusalOf, refusedFor } from './refusal.ts';

describe('resources (RFC 8707 §2)', () => {
  it('reads a bucket', () => {
    expect(parseResource('bucket:project-123')).toEqual({ kind: 'bucket', id: 'project-123' });
    expect(bucketOf(bucketLocation('a.b_c-d'))).toBe('a.b_c-d');
  });

  it.each([
    'bucket:',
    'bucket:A',
    'bucket:-a',
    'bucket:__proto__',
    'bucket:a/b',
    'bucket:a:b',
    'bucket:a%62',
    'bucket:a\n',
    `bucket:${'a'.repeat(64)}`,
  ])('S02 refuses the bucket %j', (text) => {
    expect(refusedFor(() => parseResource(text))).toBe('invalid_target: bucket_id');
    expect(bucketOf(text)).toBeUndefined();
  });

  it.each([
    'https://orders.acme.example',
    'https://orders.acme.example/',
    'https://orders.acme.example/v1/orders',
    'https://orders.acme.example/v1/orders/?tenant=acme',
    'https://orders.acme.example/men%C3%BC/a.b/..c',
    'http://localhost:8080/admin',
    'https://[2001:db8::1]:8443/x',
  ])('leaves the URI %s as it is written', (uri) => {
    expect(parseResource(uri)).toEqual({ kind: 'uri', uri });
  });

  it.each([
    ['https://rs/%2e%2e/admin', 'resource_normal'],
    ['https://rs/%2E./admin', 'resource_normal'],
    ['https://rs/../admin', 'resource_normal'],
    ['https://rs/a/./b', 'resource_normal'],
    ['https://rs/a/..', 'resource_normal'],
    ['https://rs/a%2eb', 'resource_normal'],
    ['https://rs/a%2Eb', 'resource_normal'],
    ['https://rs/a%2fb', 'resource_normal'],
    ['https://rs/%252e%252e/admin', 'resource_normal'],
    ['https://rs/a%5cb', 'resource_normal'],
    ['https://rs/a%00', 'resource_normal'],
    ['https://RS.example/', 'resource_normal'],
    ['https://rs:443/', 'resource_normal'],
    ['https://0x7f.1/', 'resource_normal'],
    ['https:///rs', 'resource_normal'],
    ['https://', 'resource_normal'],
    ['https://rs:99999', 'resource_normal'],
    ['https://rs@evil', 'resource_userinfo'],
    ['https://rs:x@evil/', 'resource_userinfo'],
    ['https://@evil/', 'resource_userinfo'],
    ['https://rs/#a', 'resource_fragment'],
    ['https://rs#', 'resource_fragment'],
    ['HTTPS://rs', 'resource_uri'],
    ['https:/rs', 'resource_uri'],
    ['//rs', 'resource_uri'],
    ['rs', 'resource_uri'],
    ['', 'resource_uri'],
    ['ftp://rs', 'resource_uri'],
    ['javascript://rs/', 'resource_uri'],
    ['urn:x:y', 'resource_uri'],
    ['Bucket:a', 'resource_uri'],
    [' https://rs', 'resource_uri'],
    ['https://rs/a b', 'resource_uri'],
    ['https://rs/\ta', 'resource_uri'],
    ['https://rs\\@evil', 'resource_uri'],
    ['https://rs/a%zz', 'resource_uri'],
    ['https://rs/ü', 'resource_uri'],
    ['https://rѕ/', 'resource_uri'], // a Cyrillic ѕ
    [`https://rs/${'a'.repeat(2048)}`, 'resource_uri'],
  ])('T09 refuses %j', (text, rule) => {
    expect(refusedFor(() => parseResource(text))).toBe(`invalid_target: ${rule}`);
  });

  it('names the parameter it is told', () => {
    expect(refusalOf(() => parseResource('x', 'audience')).violations[0]?.field).toBe('audience');
  });
});
