import { serverAudits } from 'graphql-http';
import { startTestServer, type TestServer } from '../testkit/server';

/** The audits of graphql-http, the reference implementation of GraphQL over HTTP. */
describe('GraphQL over HTTP', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  for (const audit of serverAudits({ url: () => `${server.url}/graphql` })) {
    it(audit.name, async () => {
      const result = await audit.fn();
      expect({
        status: result.status,
        reason: result.status === 'ok' ? undefined : result.reason,
      }).toEqual({ status: 'ok', reason: undefined });
    });
  }
});
