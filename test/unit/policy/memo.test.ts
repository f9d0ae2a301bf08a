import { describe, expect, it } from '@jest/globals';
import type { Decision, PolicyEngine, Question } from '../../../src/policy/engine.ts';
import { createMemo } from '../../../src/policy/memo.ts';
import { upload } from './questions.ts';

const counting = (decide: (question: Question) => Decision = () => permit) => {
  const engine = {
    digest: 'sha256:one',
    asked: 0,
    decide(question: Question) {
      engine.asked += 1;
      return decide(question);
    },
  };
  return engine satisfies PolicyEngine;
};

const permit: Decision = { effect: 'permit', policies: ['p'] };

type Path = readonly (string | number)[];

const leaves = (value: unknown, path: Path = []): readonly Path[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
    : [path];

const changed = (value: unknown, [key, ...rest]: Path): unknown => {
  if (key === undefined) return typeof value === 'string' ? `${value}x` : Number(value) + 7;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = changed(copy[key], rest);
  return copy;
};

describe('the memo', () => {
  it('asks the engine once for equal questions', () => {
    const engine = counting();
    const memo = createMemo(engine);
    expect([memo.decide(upload), memo.decide(structuredClone(upload))]).toEqual([permit, permit]);
    expect(engine.asked).toBe(1);
  });

  it.each(leaves(upload).map((path) => [path.join('.'), path] as const))(
    'asks again where %s differs',
    (_, path) => {
      const engine = counting();
      const memo = createMemo(engine);
      memo.decide(upload);
      memo.decide(changed(upload, path) as Question);
      expect(engine.asked).toBe(2);
    },
  );

  it.each(['user', 'grant', 'lawfulBasis', 'object', 'approval'] as const)(
    'asks again where there is no %s',
    (name) => {
      const engine = counting();
      const memo = createMemo(engine);
      memo.decide(upload);
      const { [name]: _, ...rest } = upload;
      memo.decide(rest as Question);
      expect(engine.asked).toBe(2);
    },
  );

  it('asks again where the policies changed', () => {
    const engine = counting();
    const memo = createMemo(engine);
    memo.decide(upload);
    engine.digest = 'sha256:two';
    memo.decide(upload);
    expect(engine.asked).toBe(2);
    expect(memo.digest).toBe('sha256:two');
  });

  it('does not keep an error', () => {
    const engine = counting(() => ({ effect: 'error', detail: 'for now' }));
    const memo = createMemo(engine);
    memo.decide(upload);
    memo.decide(upload);
    expect(engine.asked).toBe(2);
  });

  it('keeps at most as many as it is told, and lets go of the least recently asked', () => {
    const engine = counting();
    const memo = createMemo(engine, 2);
    const [a, b, c] = [1, 2, 3].map((ttl) => ({ ...upload, ttl })) as [
      Question,
      Question,
      Question,
    ];
    for (const question of [a, b, a, c]) memo.decide(question); // c displaces b
    expect(engine.asked).toBe(3);
    memo.decide(a);
    expect(engine.asked).toBe(3);
    memo.decide(b);
    expect(engine.asked).toBe(4);
  });

  it('passes on what JSON cannot hold', () => {
    const engine = counting();
    const question = { ...upload, ttl: 1n } as unknown as Question;
    expect(createMemo(engine).decide(question)).toEqual(permit);
  });
});
