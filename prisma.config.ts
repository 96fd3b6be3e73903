import path from 'node:path';
import { defineConfig } from 'prisma/config';

/** Names the data model for the Prisma command line; no database URL: nothing migrates or connects through it. */
export default defineConfig({ schema: path.join('prisma', 'schema.prisma') });
