import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { schema } from './index';

/** Writes the schema as SDL; committed, so that a change of the API is seen in review. */
export const printSdl = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;

if (require.main === module) writeFileSync(process.argv[2] ?? join('schema', 'schema.graphql'), printSdl());
