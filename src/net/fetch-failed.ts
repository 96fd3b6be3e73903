/**
 * Why a fetch that was allowed did not succeed. `protocol`: what answered does not speak HTTP as it should; `decoding`:
 * its body is not compressed as it says; `redirects`: too many.
 */
export type FetchFailure =
  'timeout' | 'too_large' | 'dns' | 'connection' | 'tls' | 'redirects' | 'protocol' | 'decoding';

/** May well succeed later, unlike an answer that is too large. */
const PASSING: ReadonlySet<FetchFailure> = new Set(['timeout', 'dns', 'connection']);

/** The other side's failure, or the way's. The message names the host, never the path or query: they may hold secrets. */
export class FetchFailed extends Error {
  constructor(
    readonly reason: FetchFailure,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'FetchFailed';
  }

  get retryable(): boolean {
    return PASSING.has(this.reason);
  }
}

/** What an error of Node's resolver, sockets, TLS, HTTP parser or zlib means. */
export function toFetchFailed(error: unknown, url: URL): FetchFailed {
  if (error instanceof FetchFailed) return error;
  // Both addresses of a host failed: the first one's reason stands for all.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code = '', message = String(first) } = (first ?? {}) as { code?: string; message?: string };
  const reason = reasonOf(code);
  return new FetchFailed(reason, `${url.host}: ${WORDS[reason] ?? 'failed'} (${code || message})`, error);
}

const WORDS: Partial<Record<FetchFailure, string>> = {
  connection: 'the connection failed',
  tls: 'no secure connection could be made',
  protocol: 'the answer is not valid HTTP',
  decoding: 'the body is not compressed as it says',
  dns: 'the name could not be resolved',
};

function reasonOf(code: string): FetchFailure {
  if (/^(HPE_|ERR_HTTP|ERR_STREAM_PREMATURE)/.test(code)) return 'protocol';
  if (/^(Z_|ERR__ERROR_|ERR_BROTLI|ERR_PADDING|ERR_ZLIB)/.test(code)) return 'decoding';
  if (/^(ENOTFOUND|EAI_)/.test(code)) return 'dns';
  if (/CERT|TLS|SSL|^EPROTO$|UNABLE_TO|SELF_SIGNED|HOSTNAME_MISMATCH/.test(code)) return 'tls';
  return 'connection';
}
