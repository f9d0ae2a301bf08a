import { ROOMS, type Room, TOP } from '../rooms.ts';
import { between, type Generator, table } from './generator.ts';

const doors = ({ doors: named }: Room): string =>
  named === 'any' ? 'any file' : named.map((door) => `\`${door}\``).join(' ');

const packages = (room: Room): string[] =>
  room.packages === 'any'
    ? []
    : room.packages.map(({ names, only }) => {
        const list = names.map((name) => `\`${name}\``).join(', ');
        return only === undefined ? list : `${list} (only in \`${only}/\`)`;
      });

const imports = (room: Room): string => {
  if (room.rooms === 'any') return 'anything';
  const all = [...room.rooms, ...(room.top ?? []).map((file) => `\`${file}\``), ...packages(room)];
  return all.length === 0 ? 'nothing' : all.join(', ');
};

const rows = [
  ...ROOMS.map((room) => [`\`${room.name}/\``, room.question, doors(room), imports(room)]),
  [
    TOP.map((file) => `\`${file}\``).join(' '),
    'Which concrete parts, and who owns the process?',
    '',
    'anything',
  ],
];

export const roomsTable: Generator = {
  path: 'docs/architecture.md',
  render: (current) =>
    between(
      current,
      'rooms',
      table(['room', 'its question', 'front doors', 'may import (besides `node:*`, itself)'], rows),
    ),
};
