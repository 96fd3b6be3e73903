import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { ModelGateway, ModelInfo } from '../ports/models';
import type { PreferenceRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';

const FRESH_MS = 5_000;
const MOST_USERS = 20_000;

export interface PreferenceChanges {
  selectedModel?: string | null;
  pinnedDefaultModel?: string | null;
  backgroundModel?: string | null;
}

export interface PreferenceDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  models: ModelGateway;
  clock: Clock;
  /** The deployment's model for titles and summaries. */
  backgroundModel: string;
}

/** Which models a user chose for their own work: beneath the request's and the agent's choice, above the deployment's. */
export class ModelPreferences {
  private readonly cache = new Map<string, { preference: PreferenceRecord | null; until: number }>();

  constructor(private readonly dependencies: PreferenceDependencies) {}

  async get(principal: Principal): Promise<PreferenceRecord> {
    const store = await this.dependencies.open(principal.tenant);
    return (await this.find(store, principal.userId)) ?? this.none(principal.userId);
  }

  /** Null resets a choice. @throws DomainError `validation_failed` for a model that nobody serves */
  async update(principal: Principal, changes: PreferenceChanges): Promise<PreferenceRecord> {
    for (const model of Object.values(changes)) if (model) this.dependencies.models.resolve(model as string);
    const store = await this.dependencies.open(principal.tenant);
    const current = (await store.preferences.find(principal.userId)) ?? this.none(principal.userId);
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const saved = await store.preferences.save({
      ...current,
      ...given,
      updatedAt: this.dependencies.clock.now(),
    });
    this.cache.delete(`${store.tenant}/${principal.userId}`);
    return saved;
  }

  /** Every model, with what it is the deployment's default for. */
  catalogue(): (ModelInfo & { defaultFor: string[] })[] {
    const { models, backgroundModel } = this.dependencies;
    const chat = models.defaultModel();
    return models.list().map((model) => ({
      ...model,
      defaultFor: [
        ...(model.id === chat ? ['agent_chat'] : []),
        ...(model.id === backgroundModel ? ['titles'] : []),
      ],
    }));
  }

  /** The model for agent work that the user chose, or null. */
  async preferredModel(store: TenantStore, userId: string): Promise<string | null> {
    const preference = await this.find(store, userId);
    return preference?.selectedModel ?? preference?.pinnedDefaultModel ?? null;
  }

  /** The model for titles and summaries. */
  async backgroundModel(store: TenantStore, userId: string): Promise<string> {
    return (await this.find(store, userId))?.backgroundModel ?? this.dependencies.backgroundModel;
  }

  private async find(store: TenantStore, userId: string): Promise<PreferenceRecord | null> {
    const key = `${store.tenant}/${userId}`;
    const now = this.dependencies.clock.now().getTime();
    const cached = this.cache.get(key);
    if (cached && cached.until > now) return cached.preference;
    const preference = await store.preferences.find(userId);
    if (this.cache.size >= MOST_USERS) this.cache.clear();
    this.cache.set(key, { preference, until: now + FRESH_MS });
    return preference;
  }

  private none(userId: string): PreferenceRecord {
    return {
      id: userId,
      selectedModel: null,
      pinnedDefaultModel: null,
      backgroundModel: null,
      updatedAt: new Date(0),
    };
  }
}
