import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { createOpenApi } from '../../../src/http/openapi.ts';
import { type Route, route } from '../../../src/http/route.ts';
import { describedRoutes } from '../../../src/http/route-table.ts';
import { STATUS } from '../../../src/protocol/oauth-error.ts';

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, string[]>>[];
  readonly description?: string;
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: object }[];
  readonly requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  readonly responses: Readonly<Record<string, Response & { $ref?: string }>>;
}

interface Response {
  readonly description?: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, { schema: Readonly<Record<string, unknown>> }>>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly servers: readonly { url: string }[];
  readonly tags: readonly { name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, Response>>>>;
}

const ABOUT = { issuer: 'https://daypass.example', version: '1.2.3' };
const routes = describedRoutes();
const described = (table: readonly Route[]) => createOpenApi(table, ABOUT) as Document;
const document = described(routes);
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);
const operationOf = (method: string, path: string): Operation =>
  document.paths[path]?.[method.toLowerCase()] as Operation;

const referencesIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === '$ref' ? [String(member)] : referencesIn(member),
  );
};

/** What no route of ours answers: the authorization server does. */
const LIBRARY = [
  'POST /token',
  'POST /introspect',
  'POST /revoke',
  'GET /authorize',
  'POST /par',
  'GET /session/end',
  'POST /register',
];

describe('the OpenAPI document', () => {
  it('says what and where it is', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Daypass', version: '1.2.3' });
    expect(document.servers).toEqual([{ url: ABOUT.issuer }]);
  });

  it('has every route of the table, and nothing else but the authorization server', () => {
    const listed = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    const served = routes.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.toSorted()).toEqual([...served, ...LIBRARY].toSorted());
  });

  it('resolves every reference within itself', () => {
    const references = referencesIn(document);
    expect(references.length).toBeGreaterThan(100);
    for (const reference of new Set(references)) {
      const [root, ...names] = reference.split('/');
      const found = names.reduce<unknown>(
        (value, name) => (value as Record<string, unknown> | undefined)?.[name],
        document,
      );
      expect([root, reference, typeof found]).toEqual(['#', reference, 'object']);
    }
  });

  it('refers to each component it has', () => {
    const used = new Set(referencesIn(document));
    const { securitySchemes, responses, ...others } = document.components;
    const unused = Object.entries(others).flatMap(([kind, members]) =>
      Object.keys(members).filter((name) => !used.has(`#/components/${kind}/${name}`)),
    );
    expect(unused).toEqual([]);
    expect(responses).toBeDefined();
    const required = operations.flatMap(({ operation }) => operation.security.map(Object.keys));
    expect(new Set(required.flat())).toEqual(new Set(Object.keys(securitySchemes ?? {})));
  });

  it('gives every operation an id of its own, a known tag, and a successful answer', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain('getUploadsByObjectId');
    const tags = document.tags.map(({ name }) => name);
    for (const { operation } of operations) {
      expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
      expect(tags).toEqual(expect.arrayContaining([...operation.tags]));
      const statuses = Object.keys(operation.responses);
      expect(statuses.some((status) => /^(2\d\d|303)$/.test(status))).toBe(true);
      // What a person is refused is a page.
      const isForPeople = statuses.includes('303');
      expect(operation.responses.default).toMatchObject(
        isForPeople ? { content: { 'text/html': {} } } : { $ref: '#/components/responses/Refusal' },
      );
    }
  });

  it('declares each parameter of a path, and no other', () => {
    for (const { path, operation } of operations) {
      const inPath = operation.parameters?.filter((one) => one.in === 'path') ?? [];
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(inPath.map(({ name }) => name)).toEqual(named);
      expect(inPath.every(({ required }) => required)).toBe(true);
    }
  });

  it('shows a body as its schema checks it', () => {
    const uploads = operationOf('POST', '/request-upload');
    expect(uploads.requestBody?.content['application/json']?.schema).toEqual({
      $ref: '#/components/schemas/UploadRequest',
    });
    expect(document.components.schemas?.UploadRequest).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: ['filename', 'size', 'contentType'],
    });
  });

  it('shows a query with its limits and defaults', () => {
    const limit = operationOf('GET', '/admin/v1/audit').parameters?.find(
      ({ name }) => name === 'limit',
    );
    expect(limit).toMatchObject({
      in: 'query',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
    });
  });

  it('describes an answer without content where there is none', () => {
    expect(operationOf('DELETE', '/objects/{objectId}').responses['204']?.content).toBeUndefined();
  });
});

describe('refusals in the OpenAPI document', () => {
  it('have a response for every status an error is sent at, naming each code', () => {
    for (const [code, status] of Object.entries(STATUS)) {
      const response = document.components.responses?.[`Refusal${status}`];
      const schema = response?.content?.['application/json']?.schema;
      expect(schema).toMatchObject({
        allOf: [
          { $ref: '#/components/schemas/Refusal' },
          { properties: { error: { enum: expect.arrayContaining([code]) } } },
        ],
      });
      expect(response?.description).toContain(code);
    }
  });

  it('have the one shape the contract gives them', () => {
    expect(document.components.schemas?.Refusal).toMatchObject({
      required: ['error', 'error_description', 'violations', 'request_id'],
    });
  });

  it('are declared where a caller may be turned away', () => {
    expect(Object.keys(operationOf('POST', '/exchange').responses)).toEqual(
      expect.arrayContaining(['400', '401', '403', '413', '429', '503']),
    );
    expect(Object.keys(operationOf('GET', '/uploads/{objectId}').responses)).toContain('404');
    expect(Object.keys(operationOf('GET', '/health/live').responses)).toEqual(['200', 'default']);
  });

  it('come with the headers that help', () => {
    const headers = (status: number) =>
      Object.keys(document.components.responses?.[`Refusal${status}`]?.headers ?? {});
    expect(headers(400)).toContain('DPoP-Nonce');
    expect(headers(401)).toEqual(expect.arrayContaining(['WWW-Authenticate', 'DPoP-Nonce']));
    expect(headers(429)).toEqual(expect.arrayContaining(['Retry-After', 'RateLimit']));
  });
});

describe('security in the OpenAPI document', () => {
  it('opens the admin door to bound tokens alone, and says for which role', () => {
    const admin = operations.filter(({ path }) => path.startsWith('/admin/'));
    expect(admin.length).toBeGreaterThan(5);
    for (const { operation } of admin) {
      expect(operation.security).toEqual([{ bound_token: [], proof: [] }]);
      expect(operation.description).toMatch(/the role (security|platform|auditor)/);
    }
    expect(operationOf('PUT', '/admin/v1/config').description).toContain('scope: deployment');
  });

  it('takes an ID token, or a token to narrow, for an exchange', () => {
    expect(operationOf('POST', '/exchange').security).toEqual([
      { id_token: [], proof: [] },
      { id_token: [] },
      { bound_token: [], proof: [] },
      { access_token: [] },
    ]);
  });

  it('asks nothing of a probe', () => {
    expect(operationOf('GET', '/health/ready').security).toEqual([]);
  });
});

describe('createOpenApi', () => {
  it('describes a route it has never seen from its value alone', () => {
    const added = route({
      method: 'PUT',
      path: '/things/{thing_id}/part-two',
      summary: 'A thing',
      description: 'More of it.',
      authentication: 'token',
      body: z.strictObject({ name: z.string() }),
      query: z.strictObject({ deep: z.enum(['yes', 'no']) }),
      answer: { status: 200, schema: z.object({ done: z.boolean() }), description: 'Done' },
      handle: async () => ({ status: 200 }),
    });
    const operation = described([added]).paths['/things/{thing_id}/part-two']?.put;
    expect(operation).toMatchObject({
      operationId: 'putThingsByThingIdPartTwo',
      description: 'More of it.',
      tags: ['Objects'],
      parameters: [
        { name: 'thing_id', in: 'path', required: true },
        { name: 'deep', in: 'query', required: true, schema: { enum: ['yes', 'no'] } },
      ],
    });
    expect(Object.keys(operation?.responses ?? {})).toContain('409');
  });
});
