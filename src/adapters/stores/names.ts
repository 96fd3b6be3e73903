import { createHash } from 'node:crypto';

/** MongoDB's limit for names of databases, bytes. */
const MAX_DATABASE_NAME = 63;
const CONTROL = 'system';
const DIGEST_CHARACTERS = 12;

export const controlDatabase = (prefix: string): string => `${prefix}_${CONTROL}`;

/**
 * The tenant's database: `<prefix>_<tenant>`. A name that would be too long, or that is the control database's, carries
 * a digest instead, so that no two tenants share a database.
 */
export function tenantDatabase(prefix: string, tenant: string): string {
  const plain = `${prefix}_${tenant}`;
  if (plain.length <= MAX_DATABASE_NAME && tenant !== CONTROL) return plain;
  const digest = createHash('sha256').update(tenant).digest('hex').slice(0, DIGEST_CHARACTERS);
  // Tenants have no underscore, so that no tenant's plain name looks like this one.
  return `${plain.slice(0, MAX_DATABASE_NAME - DIGEST_CHARACTERS - 1)}_${digest}`;
}
