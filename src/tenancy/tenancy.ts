import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { Database, TenantStore } from '../ports/stores';

/** Raise it when indexes or built-in agents change: every tenant is then provisioned again when next seen. */
export const SCHEMA_VERSION = 5;

export interface TenancyDependencies {
  database: Database;
  /** Puts what every tenant starts with into an empty or older database; safe to repeat. */
  seed: (store: TenantStore) => Promise<void>;
  clock: Clock;
  logger: Logger;
}

/** Opens tenants; one seen for the first time is provisioned: indexes, then built-in agents, then a mark that says so. */
export class Tenancy {
  private readonly opening = new Map<string, Promise<TenantStore>>();

  constructor(private readonly dependencies: TenancyDependencies) {}

  /**
   * The tenant's store, provisioned. Callers at the same time share one provisioning; a second process may do it as
   * well, since every step can be repeated.
   */
  open(tenant: string): Promise<TenantStore> {
    const known = this.opening.get(tenant);
    if (known) return known;
    const opening = this.provision(tenant);
    this.opening.set(tenant, opening);
    // A failed attempt is forgotten, so that the next request tries again.
    opening.catch(() => this.opening.delete(tenant));
    return opening;
  }

  /** Names of every tenant the deployment has seen. */
  async known(): Promise<string[]> {
    return (await this.dependencies.database.directory.list()).map((tenant) => tenant.id);
  }

  private async provision(tenant: string): Promise<TenantStore> {
    const { database, clock, logger, seed } = this.dependencies;
    const store = database.store(tenant);
    const record = await database.directory.register(tenant, clock.now());
    if (record.provisionedAt && record.schemaVersion >= SCHEMA_VERSION) return store;
    await database.ensureIndexes(tenant);
    await seed(store);
    await database.directory.markProvisioned(tenant, SCHEMA_VERSION, clock.now());
    logger.info({ tenant, schemaVersion: SCHEMA_VERSION }, 'tenant provisioned');
    return store;
  }
}
