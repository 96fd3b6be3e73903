import path from 'node:path';
import type { Page } from 'playwright-core';
import { eventually, startTestServer, type TestServer } from '../testkit/server';
import { Browser, describeInBrowser } from './browser';

/** Pages load megabytes of script on a machine that may be busy. */
const SLOW_MS = 60_000;

describeInBrowser('the pages in a browser', () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    server = await startTestServer();
    browser = await Browser.start(server.url);
  }, SLOW_MS);
  afterEach(() => {
    expect(browser.complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await server.close();
  });

  /** For looking at: `AGENTFLOW_TEST_SCREENSHOTS` names a folder. */
  async function picture(page: Page, name: string): Promise<void> {
    const folder = process.env.AGENTFLOW_TEST_SCREENSHOTS;
    if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`) });
  }

  const result = (page: Page) => page.locator('.graphiql-response');
  const play = (page: Page) => page.locator('button.graphiql-execute-button');
  async function openTab(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name, exact: true }).click();
    await page.getByRole('tab', { name, selected: true }).waitFor();
  }

  /** GraphiQL runs what its editor holds, which follows the tab a moment later. */
  async function playUntil(page: Page, text: string): Promise<void> {
    await eventually(
      async () => {
        await play(page).click();
        const shown = result(page).getByText(text).first().waitFor({ timeout: 3_000 });
        return shown.then(
          () => true,
          () => false,
        );
      },
      `${text} in the answer`,
      40_000,
    );
  }

  it(
    'GraphiQL runs its first query, mutation and subscription as they stand',
    async () => {
      const page = await browser.open('/graphql');
      await play(page).waitFor();
      await play(page).click();
      await result(page).getByText('MainAgent').first().waitFor();
      await picture(page, 'graphiql-query');

      await openTab(page, 'StartChat');
      await playUntil(page, 'runId');
      await picture(page, 'graphiql-mutation');

      await openTab(page, 'Follow');
      await playUntil(page, 'conversationEvents');
      await result(page).getByText('end', { exact: false }).first().waitFor();
      await picture(page, 'graphiql-subscription');
      await page.close();
    },
    SLOW_MS,
  );

  it(
    'GraphiQL follows a conversation that begins a moment later, on a phone',
    async () => {
      const fresh = await startTestServer();
      const phone = await Browser.start(fresh.url, { width: 390, height: 844 });
      try {
        const page = await phone.open('/graphql');
        await play(page).waitFor();
        expect(await page.evaluate('innerWidth')).toBe(390);
        await openTab(page, 'Follow');
        await play(page).click();
        await fresh.dev.rest('POST', '/api/v1/agent/MainAgent/chat', {
          conversation_id: 'graphiql-tour',
          message_id: 'm1',
          message: 'Hello!',
          stream: false,
        });
        await result(page).getByText('conversationEvents').first().waitFor();
        expect(phone.complaints).toEqual([]);
      } finally {
        await phone.close();
        await fresh.close();
      }
    },
    SLOW_MS,
  );

  it('GraphiQL loads its scripts once, compressed', async () => {
    const html = await (await fetch(`${server.url}/graphql`, { headers: { accept: 'text/html' } })).text();
    const assets = [...html.matchAll(/(?:src|href)="(\/graphiql\/[^"]+)"/g)].map(([, path]) => path!);
    expect(html.length).toBeLessThan(20_000);
    expect(assets).toHaveLength(2);
    for (const path of assets) {
      const asset = await fetch(server.url + path);
      expect(asset.headers.get('content-encoding')).toBe('gzip');
      expect(asset.headers.get('cache-control')).toContain('immutable');
    }
  });

  it(
    'Swagger UI sends a request and shows the answer',
    async () => {
      const page = await browser.open('/docs');
      const operation = page.locator('.opblock').filter({
        has: page.locator('.opblock-summary-path').getByText(/^\/api\/v1\/agents$/),
      });
      await page.locator('.opblock-tag').first().waitFor();
      // Each click changes the list of those that are closed.
      const closed = page.locator('.opblock-tag[data-is-open="false"]').first();
      while (await closed.isVisible()) await closed.click();
      await operation.first().locator('.opblock-summary-control').click();
      await operation.first().locator('button.execute').click();
      await operation
        .first()
        .locator('.live-responses-table .response-col_status')
        .getByText('200')
        .waitFor();
      await picture(page, 'swagger');
      await page.close();
    },
    SLOW_MS,
  );

  it(
    'ReDoc shows the operations',
    async () => {
      const page = await browser.open('/redoc');
      await page.locator('h1').filter({ hasText: 'AgentFlow' }).first().waitFor();
      await page.getByText('/api/v1/agents').first().waitFor({ state: 'attached' });
      await picture(page, 'redoc');
      await page.close();
    },
    SLOW_MS,
  );

  it(
    'every link of the first page leads somewhere',
    async () => {
      const page = await browser.open('/');
      await picture(page, 'home');
      const links = await page.locator('a').evaluateAll((all) => all.map((one) => one.getAttribute('href')!));
      expect(links.length).toBeGreaterThan(3);
      for (const link of links) {
        const response = await page.goto(server.url + link);
        expect([link, response!.status()]).toEqual([link, 200]);
      }
      await page.close();
    },
    SLOW_MS,
  );
});
