/** Label values in the order of the metric's label names. */
type LabelValues = readonly string[];

interface Metric {
  render(): string[];
}

const escapeLabel = (value: string): string =>
  value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

function labelText(names: readonly string[], values: LabelValues): string {
  return names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',');
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);

/** A number that only rises. */
export class Counter implements Metric {
  private readonly values = new Map<string, number>();

  constructor(
    private readonly name: string,
    private readonly help: string,
    private readonly labels: readonly string[],
  ) {}

  increment(values: LabelValues = [], by = 1): void {
    const key = labelText(this.labels, values);
    this.values.set(key, (this.values.get(key) ?? 0) + by);
  }

  render(): string[] {
    const lines = [...this.values].map(([labels, value]) => `${this.name}${braced(labels)} ${value}`);
    return [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} counter`, ...lines];
  }
}

interface Buckets {
  counts: number[];
  sum: number;
  count: number;
}

/** How often values fell under each bound. */
export class Histogram implements Metric {
  private readonly values = new Map<string, Buckets>();

  /** @param bounds upper bounds, rising, without infinity */
  constructor(
    private readonly name: string,
    private readonly help: string,
    private readonly labels: readonly string[],
    private readonly bounds: readonly number[],
  ) {}

  observe(values: LabelValues, value: number): void {
    const key = labelText(this.labels, values);
    const buckets = this.values.get(key) ?? { counts: this.bounds.map(() => 0), sum: 0, count: 0 };
    this.values.set(key, buckets);
    buckets.sum += value;
    buckets.count++;
    const index = this.bounds.findIndex((bound) => value <= bound);
    if (index !== -1) buckets.counts[index]!++;
  }

  render(): string[] {
    const lines = [...this.values].flatMap(([labels, buckets]) => this.renderOne(labels, buckets));
    return [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} histogram`, ...lines];
  }

  private renderOne(labels: string, { counts, sum, count }: Buckets): string[] {
    const prefix = labels === '' ? '' : `${labels},`;
    let below = 0;
    const buckets = this.bounds.map((bound, index) => {
      below += counts[index]!;
      return `${this.name}_bucket{${prefix}le="${bound}"} ${below}`;
    });
    return [
      ...buckets,
      `${this.name}_bucket{${prefix}le="+Inf"} ${count}`,
      `${this.name}_sum${braced(labels)} ${sum}`,
      `${this.name}_count${braced(labels)} ${count}`,
    ];
  }
}

/** A number read at the moment of asking. */
class Gauge implements Metric {
  constructor(
    private readonly name: string,
    private readonly help: string,
    private readonly type: 'gauge' | 'counter',
    private readonly read: () => number,
  ) {}

  render(): string[] {
    return [
      `# HELP ${this.name} ${this.help}`,
      `# TYPE ${this.name} ${this.type}`,
      `${this.name} ${this.read()}`,
    ];
  }
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** The metrics of a process, in Prometheus' text format. Labels must come from small, closed sets: never ids or paths. */
export class MetricsRegistry {
  private readonly metrics = new Map<string, Metric>();

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    return this.add(name, new Counter(name, help, labels));
  }

  histogram(name: string, help: string, labels: readonly string[], bounds: readonly number[]): Histogram {
    return this.add(name, new Histogram(name, help, labels, bounds));
  }

  gauge(name: string, help: string, read: () => number): void {
    this.add(name, new Gauge(name, help, 'gauge', read));
  }

  /** A rising number that somebody else counts. */
  observedCounter(name: string, help: string, read: () => number): void {
    this.add(name, new Gauge(name, help, 'counter', read));
  }

  /** @throws Error when the name is no metric name or is taken */
  private add<T extends Metric>(name: string, metric: T): T {
    if (!METRIC_NAME.test(name)) throw new Error(`${name} is not a metric name.`);
    if (this.metrics.has(name)) throw new Error(`The metric ${name} exists already.`);
    this.metrics.set(name, metric);
    return metric;
  }

  /** `text/plain; version=0.0.4` */
  render(): string {
    return `${[...this.metrics.values()].flatMap((metric) => metric.render()).join('\n')}\n`;
  }
}

/** Memory, CPU time and age of this process, under the names that Prometheus' dashboards expect. */
export function addProcessMetrics(registry: MetricsRegistry): void {
  const startedAt = Date.now() / 1000 - process.uptime();
  registry.gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () =>
    process.memoryUsage.rss(),
  );
  registry.gauge(
    'nodejs_heap_size_used_bytes',
    'Heap in use in bytes.',
    () => process.memoryUsage().heapUsed,
  );
  registry.gauge(
    'process_start_time_seconds',
    'Start of the process in seconds since the epoch.',
    () => startedAt,
  );
  registry.observedCounter('process_cpu_seconds_total', 'CPU time spent in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}
