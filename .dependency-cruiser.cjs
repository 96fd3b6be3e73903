'use strict';

/** Whoever serves, stores or computes for the domains is behind a port; these packages never appear in a domain. */
const INFRASTRUCTURE =
  '^(graphql|graphql-yoga|graphql-sse|@graphql-yoga/.+|@pothos/.+|@escape\\.tech/.+|express|express-openapi-validator|' +
  '@prisma/.+|prisma|@elastic/.+|openai|agenda|@agendajs/.+|mongodb|lmdb)$';

/** Folders of src/ that are no domain. */
const NO_DOMAIN = '^src/(adapters|cli|config|embedded-mongo|http|json|net|ports)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment:
        'A cycle makes two files one that cannot be read, tested or loaded alone. Types may point back. A write and the ' +
        'nested writes in it are one recursion over two files.',
      severity: 'error',
      from: { pathNot: '^src/adapters/prisma-mongodb/(nested|write)\\.ts$' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'not-to-unresolvable',
      comment: 'The module does not exist.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-packages',
      comment:
        'A package that package.json does not list as a dependency is missing after `npm ci --omit=dev`.',
      severity: 'error',
      from: { path: '^(src|schema|resolvers|rest-facade)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'schema-below-resolvers',
      comment: 'Only the schema, and who assembles it, may know the schema.',
      severity: 'error',
      from: { path: '^(resolvers|rest-facade|src)/', pathNot: '^src/(composition-root|main)\\.ts$' },
      to: { path: '^schema/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvers-above-domains',
      comment:
        'Domains do not know that resolvers call them. The GraphQL endpoint makes the context they are called with.',
      severity: 'error',
      from: { path: '^(rest-facade|src)/', pathNot: '^src/(composition-root\\.ts$|main\\.ts$|http/)' },
      to: { path: '^resolvers/' },
    },
    {
      name: 'resolvers-delegate',
      comment: 'A resolver authorises and delegates; adapters reach it as services.',
      severity: 'error',
      from: { path: '^(schema|resolvers)/' },
      to: { path: '^src/(adapters|embedded-mongo|http|cli)/' },
    },
    {
      name: 'facade-knows-executor-only',
      comment: 'The REST facade speaks to the GraphQL executor; of src/ it knows errors, JSON and ports.',
      severity: 'error',
      from: { path: '^rest-facade/' },
      to: { path: '^(src|schema|resolvers)/', pathNot: '^src/(errors|ids)\\.ts$|^src/(json|ports)/' },
    },
    {
      name: 'ports-stand-alone',
      comment: 'A port names what a domain needs; it depends on nobody who provides it.',
      severity: 'error',
      from: { path: '^src/ports/' },
      to: { path: '^src/', pathNot: '^src/(ports/|errors\\.ts$)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'adapters-serve-ports',
      comment:
        'An adapter implements a port; it calls no domain, though it may use its types. The Prisma connector is a library.',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: {
        path: '^src/',
        pathNot:
          '^src/(adapters/($1|prisma-mongodb)/|ports/|config/|json/|net/|embedded-mongo/|(json-schema|threads)/|(errors|ids|arithmetic|bounded-pattern|fair-semaphore|model-messages)\\.ts$)',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'domains-know-no-adapter',
      comment: 'Domains reach the outside through src/ports only.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: NO_DOMAIN },
      to: { path: '^src/(adapters|cli|embedded-mongo|http)/' },
    },
    {
      name: 'domains-know-no-infrastructure',
      comment: 'Neither GraphQL, Express, Prisma, MongoDB, Elastic, OpenAI nor Agenda in a domain.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: NO_DOMAIN },
      to: { path: `node_modules/(${INFRASTRUCTURE.slice(2, -2)})/` },
    },
    {
      name: 'composition-root-is-the-top',
      comment: 'Who needs a thing gets it as an argument.',
      severity: 'error',
      from: {
        path: '^(src|schema|resolvers|rest-facade)/',
        pathNot: '^src/(main|composition-[a-z]+)\\.ts$|^src/cli/',
      },
      to: { path: '^src/(main|composition-[a-z]+)\\.ts$', dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^generated/', '^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['require', 'import', 'node', 'default', 'types'],
    },
  },
};
