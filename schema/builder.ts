import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import SimpleObjectsPlugin from '@pothos/plugin-simple-objects';
import type PrismaTypes from '../generated/pothos-types';
import { getDatamodel } from '../generated/pothos-types';
import type { PrismaClient } from '../generated/prisma-client';
import { DomainError } from '../src/errors';
import type { UploadedFile } from '../src/ports/files';
import type { JsonValue } from '../src/ports/records';
import type { Context } from '../resolvers/context';

export const DEFAULT_CONNECTION_SIZE = 20;
export const MAX_CONNECTION_SIZE = 100;

export interface SchemaTypes {
  Context: Context;
  PrismaTypes: PrismaTypes;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: JsonValue; Output: JsonValue };
    Upload: { Input: UploadedFile; Output: never };
  };
  AuthScopes: { authenticated: boolean; admin: boolean };
  DefaultFieldNullability: false;
  DefaultInputFieldRequiredness: false;
}

export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ScopeAuthPlugin, ComplexityPlugin, RelayPlugin, PrismaPlugin, SimpleObjectsPlugin],
  defaultFieldNullability: false,
  prisma: {
    client: (context) => context.prisma() as PrismaClient,
    dmmf: getDatamodel(),
    exposeDescriptions: true,
    filterConnectionTotalCount: true,
    onUnusedQuery: process.env.NODE_ENV === 'test' ? 'error' : null,
    maxConnectionSize: MAX_CONNECTION_SIZE,
    defaultConnectionSize: DEFAULT_CONNECTION_SIZE,
  },
  relay: {
    cursorType: 'String',
    clientMutationId: 'omit',
    defaultConnectionTypeOptions: { description: 'A page of a list.' },
    defaultEdgeTypeOptions: { description: 'An entry of a page.' },
    edgesFieldOptions: { description: 'The entries.' },
    pageInfoFieldOptions: { description: 'Where the page is in the list.' },
    cursorFieldOptions: { description: 'Where the entry is in the list; `after` and `before` take it.' },
    nodeFieldOptions: { description: 'The entry itself.' },
    pageInfoTypeOptions: { description: 'Where a page is in its list.' },
    hasNextPageFieldOptions: { description: 'True when entries follow.' },
    hasPreviousPageFieldOptions: { description: 'True when entries come before.' },
    startCursorFieldOptions: { description: 'Cursor of the first entry; null on an empty page.' },
    endCursorFieldOptions: { description: 'Cursor of the last entry; null on an empty page.' },
  },
  scopeAuth: {
    authScopes: (context) => ({
      authenticated: context.principal !== null,
      admin: context.principal?.isAdmin ?? false,
    }),
    unauthorizedError: (_root, context) =>
      context.principal
        ? new DomainError('forbidden', 'This needs the admin scope of a human user.')
        : new DomainError(
            'unauthenticated',
            'This needs an access token: send it as "Authorization: Bearer <token>".',
            {
              extra: { www_authenticate: 'Bearer' },
            },
          ),
  },
  // Limits are per deployment: the server sets them through the complexity rule of the HTTP layer.
  complexity: { defaultComplexity: 1, defaultListMultiplier: 10 },
});

builder.queryType({ description: 'Reads.' });
builder.mutationType({ description: 'Writes; each takes one `input`.' });
builder.subscriptionType({
  description:
    'Streams, over server-sent events. Each takes a cursor, so that a broken connection resumes where it stopped.',
});
