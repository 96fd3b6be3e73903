import type { CodegenConfig } from '@graphql-codegen/cli';

/** Typed documents of the REST facade's operations: the same operations that clients and tests may send as GraphQL. */
const config: CodegenConfig = {
  schema: 'schema/schema.graphql',
  documents: 'rest-facade/operations/*.graphql',
  ignoreNoDocuments: true,
  generates: {
    'test/testkit/graphql.generated.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        enumsAsTypes: true,
        scalars: { DateTime: 'string', JSON: 'unknown', Upload: 'unknown' },
        skipTypename: true,
        strictScalars: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
