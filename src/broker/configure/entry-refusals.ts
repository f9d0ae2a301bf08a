/** Refusals of changes of one entry. */
import { OAuthError } from '../../protocol/oauth-error.ts';
import type { Admin } from '../admin.ts';
import type { Place } from './place.ts';

export const outOfReach = ({ tenantId }: Admin): OAuthError =>
  new OAuthError('access_denied', 'this takes a role with deployment scope', {
    violations: [
      {
        field: 'tenant',
        rule: 'scope',
        message: `your role reaches ${tenantId} alone`,
        remedy: `name ${tenantId}`,
      },
    ],
  });

export const renamed = (): OAuthError =>
  new OAuthError('invalid_request', 'the id is not the one in the path', {
    violations: [
      {
        field: 'id',
        rule: 'same_id',
        message: 'differs from the id in the path: nothing is renamed',
        remedy: 'leave it out, or write the same; create another and delete this one to rename',
      },
    ],
  });

export const withoutId = (): OAuthError =>
  new OAuthError('invalid_request', 'the entry has no id', {
    violations: [
      {
        field: 'id',
        rule: 'required',
        message: 'what is created has an id',
        remedy: 'write it as a text, as in the file',
      },
    ],
  });

export const taken = ({ name }: Place): OAuthError =>
  new OAuthError('conflict', `there is such a ${name} already`, {
    violations: [
      {
        field: 'id',
        rule: 'duplicate_id',
        message: 'the id is taken',
        remedy: 'choose another id, or PUT to the one there is to replace it',
      },
    ],
  });

/** Reads alike for what is another tenant's. */
export const noSuch = ({ name }: Place): OAuthError =>
  new OAuthError('not_found', `no such ${name}`, {
    violations: [
      {
        field: 'id',
        rule: 'unknown_entry',
        message: `there is no such ${name} within your reach`,
        remedy: 'the list of its kind has all there are',
      },
    ],
  });
