import { GraphQLError } from 'graphql';
import { keyWithNul } from '../src/json';
import type { JsonValue } from '../src/ports/records';
import { builder } from './builder';

builder.scalarType('DateTime', {
  description: 'An instant as ISO 8601 in UTC with milliseconds: `2026-05-04T09:30:00.000Z`.',
  serialize: (value) => (value instanceof Date ? value : new Date(value as string)).toISOString(),
  parseValue: (value) => {
    const date = typeof value === 'string' ? new Date(value) : new Date(Number.NaN);
    if (Number.isNaN(date.getTime())) throw new GraphQLError('DateTime must be an ISO 8601 string.');
    return date;
  },
});

builder.scalarType('JSON', {
  description: 'Free-form JSON: any value, passed on untouched. No key of it may hold the character U+0000.',
  serialize: (value) => value,
  parseValue: (value) => {
    const place = keyWithNul(value);
    if (place !== undefined)
      throw new GraphQLError(
        `JSON cannot have a key with the character U+0000, as ${place === '' ? 'the value' : place} has.`,
      );
    return value as JsonValue;
  },
});
