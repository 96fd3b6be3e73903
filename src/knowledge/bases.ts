import { DomainError, invalid } from '../errors';
import { assertMaker, mayGovern } from '../identity/access';
import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { BaseStatistics, KnowledgeBaseRecord, KnowledgeBaseStatus } from '../ports/knowledge';
import type { JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { type BaseForm, changedBaseSettings, newBaseSettings } from './base-form';
import { Complaints } from './complaints';
import type { Embeddings } from '../ports/embeddings';
import { livingBase } from './find';
import { acceptGoldenQueries, type GoldenQueryForm, keepsGoldenQueries } from './golden-queries';
import { BASE_DEFAULTS, KNOWLEDGE_LIMITS } from './limits';
import type { Removals } from './removal';

const URL_CHARACTERS = 2_000;
/** How long the making of a base waits for its index. Milliseconds. */
export const CREATION_WAIT_MS = 30_000;

export interface BaseView {
  base: KnowledgeBaseRecord;
  statistics: BaseStatistics;
}

export interface CrawlForm extends BaseForm {
  websiteUrl: string;
  maxCrawlDepth?: number | null;
  maxCrawlPages?: number | null;
}

export interface BaseDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  embeddings: Embeddings;
  removals: Removals;
  /** The check of whatever fetches the site. @throws DomainError `validation_failed` at `field` */
  acceptUrl: (url: string, field: string) => void;
  clock: Clock;
  workerId: string;
  /** True when no other process can reach the database. */
  soleWorker: boolean;
  /** How long a worker is taken to be at work without a sign of life. Milliseconds. */
  leaseMs: number;
}

/** A base whose making was cut off this long ago is an old one: its name is taken. One hour. */
const CONTINUED_WITHIN_MS = 3_600_000;

/** Knowledge bases of a tenant: shared by all its members. Wherever an id is taken, the base's name does as well. */
export class KnowledgeBases {
  constructor(private readonly dependencies: BaseDependencies) {}

  async list(principal: Principal): Promise<BaseView[]> {
    const store = await this.open(principal);
    const bases = await store.knowledge.listBases();
    return withStatistics(store, bases);
  }

  /** @throws DomainError `not_found` */
  async get(principal: Principal, reference: string): Promise<BaseView> {
    const store = await this.open(principal);
    const [view] = await withStatistics(store, [await livingBase(store, reference)]);
    return view!;
  }

  /**
   * An empty base that is not stored yet.
   * @param id where the request may be tried again; any other by default
   * @throws DomainError `validation_failed`
   */
  async draft(
    principal: Principal,
    form: BaseForm,
    { crawl, id }: { crawl?: CrawlForm; id?: string } = {},
  ): Promise<KnowledgeBaseRecord> {
    const settings = newBaseSettings(form);
    const origin = crawl ? this.acceptCrawl(crawl) : NO_CRAWL;
    const model = await this.dependencies.embeddings.defaultModel();
    const at = this.dependencies.clock.now();
    return {
      ...settings,
      ...origin,
      id: id ?? newId(at.getTime()),
      embeddingModel: model.id,
      dimension: model.dimension,
      status: 'processing',
      generation: 0,
      nextGeneration: 0,
      refreshJobId: null,
      goldenQueries: [],
      makingBy: this.dependencies.workerId,
      createdBy: principal.userId,
      createdAt: at,
      updatedAt: at,
      deletedAt: null,
      removalDueAt: null,
    };
  }

  /** @throws DomainError `conflict` when the name is taken */
  async store(store: TenantStore, draft: KnowledgeBaseRecord): Promise<void> {
    if (!(await store.knowledge.createBase(draft))) throw taken(draft.name);
  }

  /**
   * The base that an earlier try of the same request made, whose answer never came: the process died over it. This one
   * goes on with it.
   */
  async begun(store: TenantStore, draft: KnowledgeBaseRecord): Promise<KnowledgeBaseRecord | null> {
    const known = await store.knowledge.findBaseByName(draft.nameKey);
    if (!known || known.deletedAt || known.createdBy !== draft.createdBy) return null;
    if (known.id !== draft.id && !(await this.isCutOff(store, known, draft))) return null;
    return store.knowledge.updateBase(known.id, { makingBy: this.dependencies.workerId });
  }

  /** The request for it has its answer. */
  async answered(store: TenantStore, id: string): Promise<void> {
    await store.knowledge.updateBase(id, { makingBy: null });
  }

  private async isCutOff(
    store: TenantStore,
    known: KnowledgeBaseRecord,
    draft: KnowledgeBaseRecord,
  ): Promise<boolean> {
    const { clock, workerId, soleWorker, leaseMs } = this.dependencies;
    const { makingBy } = known;
    if (!makingBy || makingBy === workerId || !isAlike(known, draft)) return false;
    const ageMs = clock.now().getTime() - known.createdAt.getTime();
    if (ageMs > CONTINUED_WITHIN_MS || (!soleWorker && ageMs < leaseMs + CREATION_WAIT_MS)) return false;
    // Once somebody worked with it, it is no longer half-made.
    const jobs = await store.knowledge.listJobs(known.id, MOST_TRIES);
    return jobs.every(({ operation }) => operation === 'create' || operation === 'crawl');
  }

  /**
   * Changes what the form names. New settings of chunking hold for what is ingested from now on; a refresh brings the rest
   * into line.
   */
  async update(principal: Principal, reference: string, form: BaseForm): Promise<BaseView> {
    const changes = changedBaseSettings(form);
    const store = await this.open(principal);
    const base = await livingBase(store, reference);
    await store.knowledge.updateBase(base.id, { ...changes, updatedAt: this.dependencies.clock.now() });
    return this.get(principal, base.id);
  }

  /**
   * Replaces the golden queries. Anybody of the tenant may add some; those that are there guard refreshes.
   * @throws DomainError `validation_failed`, or `forbidden` when one would go and neither the base's maker nor an admin asks
   */
  async setGoldenQueries(
    principal: Principal,
    reference: string,
    forms: GoldenQueryForm[],
  ): Promise<BaseView> {
    const queries = acceptGoldenQueries(forms);
    const store = await this.open(principal);
    const base = await livingBase(store, reference);
    if (!mayGovern(principal, base) && !keepsGoldenQueries(base.goldenQueries, queries))
      assertMaker(principal, base, `Knowledge base ${base.name}`, 'changing or deleting its golden queries');
    await store.knowledge.updateBase(base.id, {
      goldenQueries: queries as unknown as JsonValue,
      updatedAt: this.dependencies.clock.now(),
    });
    return this.get(principal, base.id);
  }

  /**
   * From here on nobody sees it; its running jobs end, and its chunks and files are removed.
   * @throws DomainError `forbidden` unless its maker or an admin asks
   */
  async remove(principal: Principal, reference: string): Promise<{ id: string; message: string }> {
    const store = await this.open(principal);
    const base = await livingBase(store, reference);
    assertMaker(principal, base, `Knowledge base ${base.name}`, 'deleting it');
    await this.discard(store, base);
    return { id: base.id, message: `Knowledge base ${base.name} was deleted.` };
  }

  /** Safe to repeat. */
  async discard(store: TenantStore, base: KnowledgeBaseRecord): Promise<void> {
    const { removals, clock } = this.dependencies;
    const at = clock.now();
    await store.knowledge.updateBase(base.id, {
      deletedAt: at,
      updatedAt: at,
      nameKey: base.id,
      removalDueAt: removals.dueAt(at),
    });
    await removals.ofBase(store, { ...base, deletedAt: at });
  }

  /** @throws DomainError `validation_failed` */
  private acceptCrawl({ websiteUrl, maxCrawlDepth, maxCrawlPages }: CrawlForm) {
    const complaints = new Complaints();
    complaints.text('website_url', websiteUrl, URL_CHARACTERS);
    complaints.of(() => this.dependencies.acceptUrl(websiteUrl, 'website_url'));
    complaints.range('max_crawl_depth', maxCrawlDepth, { ...KNOWLEDGE_LIMITS.crawlDepth, whole: true });
    complaints.range('max_crawl_pages', maxCrawlPages, { ...KNOWLEDGE_LIMITS.crawlPages, whole: true });
    complaints.throwIfAny();
    return {
      origin: 'url',
      websiteUrl,
      maxCrawlDepth: maxCrawlDepth ?? BASE_DEFAULTS.maxCrawlDepth,
      maxCrawlPages: maxCrawlPages ?? BASE_DEFAULTS.maxCrawlPages,
    };
  }

  private open(principal: Principal): Promise<TenantStore> {
    return this.dependencies.open(principal.tenant);
  }
}

/** Jobs of a half-made base that are looked at. */
const MOST_TRIES = 100;

/** Whether the two come from the same request, as far as can be seen. */
const isAlike = (known: KnowledgeBaseRecord, draft: KnowledgeBaseRecord): boolean =>
  (
    ['origin', 'websiteUrl', 'chunkSize', 'overlapPercentage', 'chunkingStrategy', 'description'] as const
  ).every((field) => known[field] === draft[field]);

const NO_CRAWL = { origin: 'files', websiteUrl: null, maxCrawlDepth: null, maxCrawlPages: null };

async function withStatistics(store: TenantStore, bases: KnowledgeBaseRecord[]): Promise<BaseView[]> {
  const statistics = await store.knowledge.statistics(bases.map(({ id }) => id));
  return bases.map((base) => ({ base, statistics: statistics.get(base.id)! }));
}

/** What came of the first documents, unless some are on their way in. A refresh leaves it alone: all of them stay found. */
export function statusOf({ base, statistics }: BaseView): KnowledgeBaseStatus {
  return statistics.ingesting ? 'processing' : base.status;
}

/** The format that all documents have, `mixed`, or where they come from. */
export function sourceTypeOf({ base, statistics }: BaseView): string {
  if (base.origin === 'url') return 'url';
  if (statistics.formats.length === 0) return 'files';
  return statistics.formats.length === 1 ? statistics.formats[0]! : 'mixed';
}

const taken = (name: string): DomainError =>
  new DomainError('conflict', `There is a knowledge base named ${name} already; names are unique.`, {
    errors: [{ path: 'name', message: 'is taken' }],
  });

/** @throws DomainError `validation_failed` naming `knowledge_base_ids` */
export function assertBaseCount(references: string[]): void {
  if (references.length < 1 || references.length > KNOWLEDGE_LIMITS.basesInSearch)
    throw invalid(
      'knowledge_base_ids',
      `must be 1 to ${KNOWLEDGE_LIMITS.basesInSearch} knowledge bases, are ${references.length}`,
    );
}
