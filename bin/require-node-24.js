// Loaded before the program (node --import): plain JavaScript, so that an older Node can explain itself.
if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(
    `Daypass runs on Node 24; this is ${process.version}. npm start and npm run demo bring Node 24 along, unless ` +
      'packages were installed with --ignore-scripts or --omit=dev. Install Node 24, or run npm ci again without them.',
  );
  process.exit(2);
}
