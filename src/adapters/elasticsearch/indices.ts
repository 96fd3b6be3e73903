import type { Client } from '@elastic/elasticsearch';
import type { BulkWriter } from './bulk';
import type { TextAnalysis } from '../../ports/search';
import { documentOf, type RawChunk, routingOf, serverId } from './documents';
import { type IndexNames, mappingsFor, SETTINGS } from './mapping';

const COPIED_AT_ONCE = 200;
const SCROLL = '2m';

export interface IndicesInput {
  client: () => Promise<Client>;
  names: IndexNames;
  bulk: BulkWriter;
  analysis: TextAnalysis;
}

/** Makes the indices, brings those of an earlier version up to date, and makes writes searchable. */
export class Indices {
  private opened: Promise<void> | undefined;
  private readonly known = new Map<number, Promise<void>>();
  private refreshing: Promise<void> | undefined;
  private nextRefresh: Promise<void> | undefined;

  constructor(private readonly input: IndicesInput) {}

  /** Indices of earlier versions are replaced before anything is searched. */
  open(): Promise<void> {
    return (this.opened ??= this.upgrade().catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    }));
  }

  /** An index for vectors of this length exists afterwards. */
  async ensure(dimension: number): Promise<void> {
    await this.open();
    let making = this.known.get(dimension);
    if (!making) {
      making = this.create(dimension).catch((error: unknown) => {
        this.known.delete(dimension);
        throw error;
      });
      this.known.set(dimension, making);
    }
    return making;
  }

  /** Forgets what is there: somebody else may have removed it. */
  forget(): void {
    this.opened = undefined;
    this.known.clear();
  }

  /** Dimensions that have an index. */
  async dimensions(): Promise<number[]> {
    await this.open();
    return [...new Set((await this.list()).map(({ dimension }) => dimension))];
  }

  /**
   * What was written before the call is searchable afterwards. Calls that come while a refresh runs share the next one:
   * many small writes must not make as many segments.
   */
  refresh(): Promise<void> {
    if (!this.refreshing) return (this.refreshing = this.runRefresh());
    return (this.nextRefresh ??= this.refreshing
      .catch(() => undefined)
      .then(() => {
        this.nextRefresh = undefined;
        return (this.refreshing = this.runRefresh());
      }));
  }

  private async runRefresh(): Promise<void> {
    try {
      const client = await this.input.client();
      await client.indices.refresh({ index: this.input.names.everything, ignore_unavailable: true });
    } finally {
      this.refreshing = undefined;
    }
  }

  private async create(dimension: number): Promise<void> {
    const { names } = this.input;
    const client = await this.input.client();
    if (await client.indices.existsAlias({ name: names.ofDimension(dimension) })) return;
    await this.make(dimension, [names.ofDimension(dimension), names.everything]);
  }

  private async make(dimension: number, aliases: string[]): Promise<void> {
    const client = await this.input.client();
    try {
      await client.indices.create({
        index: this.input.names.concrete(dimension),
        settings: SETTINGS,
        mappings: mappingsFor(dimension),
        aliases: Object.fromEntries(aliases.map((alias) => [alias, {}])),
      });
    } catch (error) {
      // Another server of the deployment was first.
      if (!isThereAlready(error)) throw error;
    }
  }

  private async upgrade(): Promise<void> {
    const { names } = this.input;
    for (const { index, dimension } of await this.list())
      if (index !== names.concrete(dimension)) await this.replace(index, dimension);
  }

  /**
   * Builds the new index beside, copies, and moves the aliases in one step, so that searches never see a gap. A copy that
   * was broken off is gone on with: what is there already is left as it is. What lacks something is not copied.
   */
  private async replace(old: string, dimension: number): Promise<void> {
    const { names } = this.input;
    const client = await this.input.client();
    const fresh = names.concrete(dimension);
    await this.make(dimension, []);
    if (names.canBeCopied(old)) await this.copy(old, fresh);
    await client.indices.refresh({ index: fresh });
    await client.indices.updateAliases({
      actions: [
        { add: { index: fresh, alias: names.ofDimension(dimension) } },
        { add: { index: fresh, alias: names.everything } },
        { remove_index: { index: old } },
      ],
    });
  }

  private async copy(old: string, fresh: string): Promise<void> {
    const client = await this.input.client();
    const pages = client.helpers.scrollSearch<{ raw: RawChunk }>({
      index: old,
      scroll: SCROLL,
      size: COPIED_AT_ONCE,
      sort: ['_doc'],
    });
    for await (const page of pages) {
      const chunks = page.documents.map(({ raw }) => raw);
      await this.input.bulk.write(
        chunks.map((raw) => ({
          target: fresh,
          id: serverId(raw.tenant, raw.record.knowledgeBaseId, raw.record.id),
          routing: routingOf(raw.tenant),
          source: documentOf(raw, this.input.analysis),
          onlyNew: true,
        })),
      );
    }
  }

  /** Indices that the common alias leads to. */
  private async list(): Promise<{ index: string; dimension: number }[]> {
    const { names } = this.input;
    const client = await this.input.client();
    const found = await client.indices.getAlias({ name: names.everything }, { ignore: [404] });
    return Object.keys(found).flatMap((index) => {
      const dimension = names.dimensionOf(index);
      return dimension === undefined ? [] : [{ index, dimension }];
    });
  }
}

const isThereAlready = (error: unknown): boolean =>
  (error as { body?: { error?: { type?: string } } }).body?.error?.type ===
  'resource_already_exists_exception';
