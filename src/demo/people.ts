/** The people of the demo company, and what its IdP says of them. */

export interface Person {
  /** User name, and `sub` of their ID tokens. */
  readonly user: string;
  readonly name: string;
  readonly email: string;
  /** What they are here to show. */
  readonly role: string;
  readonly groups: readonly string[];
  readonly dept: string;
  readonly region: string;
}

export const DEMO_PASSWORD = 'demo';

export const PEOPLE: readonly Person[] = [
  {
    user: 'ana',
    name: 'Ana Alves',
    email: 'ana@acme.example',
    role: 'builder in marketing',
    groups: ['builders'],
    dept: 'marketing',
    region: 'eu',
  },
  {
    user: 'sam',
    name: 'Sam Sorensen',
    email: 'sam@acme.example',
    role: 'security engineer',
    groups: ['security-team'],
    dept: 'security',
    region: 'eu',
  },
  {
    user: 'uma',
    name: 'Uma Usman',
    email: 'uma@acme.example',
    role: 'auditor',
    groups: ['auditors'],
    dept: 'audit',
    region: 'eu',
  },
];

export const findPerson = (user: string): Person | undefined =>
  PEOPLE.find((person) => person.user === user);
