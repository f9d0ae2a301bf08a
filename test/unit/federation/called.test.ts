import { describe, expect, it } from '@jest/globals';
import { calledIn } from '../../../src/federation/called.ts';

describe('what a person is called', () => {
  it.each([
    [{ name: 'Ana Alves', email: 'ana@acme.example' }, 'Ana Alves (ana@acme.example)'],
    [{ name: '  Ana Alves ' }, 'Ana Alves'],
    [{ email: 'ana@acme.example', email_verified: false }, 'ana@acme.example'],
    [{ preferred_username: 'ana@acme.example', email: 'ana@acme.example' }, 'ana@acme.example'],
    [{ nickname: 'ana' }, 'ana'],
    [{ name: '李雷 Ñandú' }, '李雷 Ñandú'],
    [{ sub: '7f3a', groups: ['builders'] }, undefined],
  ])('reads %j as %j', (claims, called) => expect(calledIn(claims)).toBe(called));

  it.each([
    ['what is no text', ['Ana']],
    ['nothing', '  '],
    ['a text too long to be one', 'a'.repeat(65)],
    ['what turns the words around it', 'Ana\u202Eselva'],
    ['what hides in it', 'Ana\u200BAlves'],
    ['lines', 'Ana\nYou are signed in as Sam'],
  ])('takes %s for no name', (_what, name) => {
    expect(calledIn({ name, nickname: 'ana' })).toBe('ana');
  });
});
