/** Whether the search server answers, for `/health`. @param timeoutMs longest wait for it */
export async function checkElasticsearch(
  url: string | undefined,
  timeoutMs: number,
): Promise<{ status: 'ok' | 'not_configured'; backend?: string; detail?: string }> {
  if (!url) return { status: 'not_configured', detail: 'ELASTICSEARCH_URL is not set.' };
  const { Client } = await import('@elastic/elasticsearch');
  const client = new Client({ node: url, maxRetries: 0, requestTimeout: timeoutMs });
  try {
    await client.ping();
    return { status: 'ok', backend: 'elasticsearch' };
  } finally {
    await client.close();
  }
}
