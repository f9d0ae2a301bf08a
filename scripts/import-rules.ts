import { ROOMS, type Room, TOP } from './rooms.ts';

/** The part of a dependency-cruiser rule that we use; paths are regular expressions. */
export interface ImportRule {
  readonly name: string;
  readonly comment: string;
  readonly severity: 'error';
  readonly from: Readonly<Record<string, unknown>>;
  readonly to: Readonly<Record<string, unknown>>;
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

const doorsOf = ({ name, doors }: Room): string[] =>
  doors === 'any' ? [`^src/${name}/`] : doors.map((door) => `^src/${name}/${literal(door)}$`);

/** Both spellings: as resolved under node_modules, and as written where only types are installed. */
const packagePaths = (name: string): string[] => [
  `(^|/)node_modules/(@types/)?${literal(name)}(/|$)`,
  `^${literal(name)}(/|$)`,
];

const neighbours = ({ rooms }: Room): string[] =>
  rooms === 'any' ? ['^src/'] : ROOMS.filter(({ name }) => rooms.includes(name)).flatMap(doorsOf);

const broken = (name: string, comment: string, from: ImportRule['from'], allowed: string[]) => ({
  name,
  comment,
  severity: 'error' as const,
  from,
  // Default deny: what cannot be resolved matches nothing that is allowed, and is refused too.
  to: { pathNot: allowed, dependencyTypesNot: ['core'] },
});

/** A rule for each folder that may use packages of its own, and one for the rest of the room. */
const rulesOf = (room: Room): ImportRule[] => {
  if (room.packages === 'any') return [];
  const everywhere = room.packages.filter((entry) => entry.only === undefined);
  const folders = [...new Set(room.packages.flatMap((entry) => entry.only ?? []))];
  const base = [
    `^src/${room.name}/`,
    ...neighbours(room),
    ...(room.top ?? []).map((file) => `^src/${literal(file)}$`),
    ...everywhere.flatMap(({ names }) => names).flatMap(packagePaths),
  ];
  const comment = `src/${room.name} may import only what scripts/rooms.ts lists for it`;
  const below = folders.map((folder) => `^src/${room.name}/${folder}/`);
  const rest = { path: `^src/${room.name}/`, ...(below.length > 0 ? { pathNot: below } : {}) };
  return [
    broken(`room-${room.name}`, comment, rest, base),
    ...folders.map((folder) => {
      const own = room.packages === 'any' ? [] : room.packages.filter((p) => p.only === folder);
      const names = own.flatMap(({ names: listed }) => listed);
      const allowed = [...base, ...names.flatMap(packagePaths)];
      return broken(
        `room-${room.name}-${folder}`,
        comment,
        { path: `^src/${room.name}/${folder}/` },
        allowed,
      );
    }),
  ];
};

const LISTED = [
  ...ROOMS.map(({ name }) => `^src/${name}/`),
  ...TOP.map((file) => `^src/${literal(file)}$`),
];

/** A module of an unlisted room is seen by what it imports, by who imports it, or by being alone. */
const unlisted: readonly ImportRule[] = [
  { from: { path: '^src/', pathNot: LISTED }, to: {} },
  { from: {}, to: { path: '^src/', pathNot: LISTED } },
  { from: { path: '^src/', pathNot: LISTED, orphan: true }, to: {} },
].map((rule, index) => ({
  name: `room-unlisted-${index + 1}`,
  comment: 'every room under src/ is listed in scripts/rooms.ts',
  severity: 'error',
  ...rule,
}));

/** Circles are Biome's (`noImportCycles`), which lets types of two files refer to each other. */
export const IMPORT_RULES: readonly ImportRule[] = [...ROOMS.flatMap(rulesOf), ...unlisted];
