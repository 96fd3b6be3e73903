'use strict';
const { existsSync } = require('node:fs');

/** Packages that ship ES modules only; Jest's module system loads CommonJS, so these are transpiled as well. */
const ES_MODULE_PACKAGES = ['agenda', '@agendajs', 'jose', 'nanoid'];

const BROWSERS = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const hasBrowser = BROWSERS.some((path) => path && existsSync(path));

/** Suites about one implementation or pure functions: pointing them at another database proves nothing. */
const NOT_INTEGRATION = [
  'cli',
  'config',
  'docs',
  'documents',
  'e2e',
  'embedded-mongo',
  'embeddings',
  'http-tool',
  'identity',
  'mcp',
  'models',
  'net',
  'ranking',
  'sandbox',
  'search',
  'secrets',
  'tooling',
];
/** The same of single suites: they have a server of their own on the embedded database, or read files. */
const NOT_INTEGRATION_SUITES = [
  'faults/chaos',
  'faults/disk-full',
  'faults/exactly-once',
  'faults/ingestion',
  'faults/intake',
  'faults/kill',
  'faults/removal',
  'faults/shutdown',
  'faults/slow-reader',
  'faults/waiting',
  'regression/arguments-for-strict-readers',
  'regression/documents-',
  'regression/embedding-requests',
  'regression/first-requests',
  'regression/form-order',
  'regression/model-answers',
  'regression/numbers-mcp',
  'regression/office',
  'regression/patterns',
  'regression/poison',
  'regression/search',
  'regression/start',
  'regression/streams',
  'regression/tools',
  'regression/uploads',
  'regression/watchdog',
];
const integrationOnly = process.env.AGENTFLOW_TEST_SUITE === 'integration';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // A handle that a failed test left open must not hold CI up; the results are complete by then.
  forceExit: Boolean(process.env.CI),
  setupFilesAfterEnv: ['<rootDir>/scripts/jest-setup.cjs'],
  testTimeout: 30_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/dist/',
    ...(hasBrowser ? [] : ['<rootDir>/test/e2e/']),
    ...(integrationOnly
      ? [...NOT_INTEGRATION.map((group) => `${group}/`), ...NOT_INTEGRATION_SUITES].map(
          (place) => `<rootDir>/test/${place}`,
        )
      : []),
  ],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.agentflow/'],
  resolver: '<rootDir>/scripts/jest-resolver.cjs',
  moduleFileExtensions: ['ts', 'js', 'cjs', 'mjs', 'json', 'node'],
  transform: {
    '\\.(ts|js|mjs)$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs', ignoreDynamic: false },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [
    `/node_modules/(?!(${ES_MODULE_PACKAGES.join('|')})/)`,
    // The Prisma client is CommonJS already and large; its TypeScript neighbour (pothos-types) is not.
    '/generated/.*\\.(js|cjs|mjs)$',
  ],
  collectCoverageFrom: ['{src,schema,resolvers,rest-facade}/**/*.ts', '!**/*.d.ts'],
  coverageDirectory: 'coverage',
};
