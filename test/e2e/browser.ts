import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const CANDIDATES = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A Chromium or Chrome of this machine; `CHROMIUM_PATH` names another one. */
export const browserPath = CANDIDATES.find((candidate) => candidate && existsSync(candidate));

/** The suite of a browser, or one skipped test that says what is missing. */
export function describeInBrowser(name: string, suite: () => void): void {
  if (browserPath) describe(name, suite);
  else
    describe(name, () => {
      it.skip('needs Chromium: install it, or name it in CHROMIUM_PATH', () => undefined);
    });
}

/** A browser with a profile of its own that keeps note of everything that should not happen. */
export class Browser {
  /** Requests to other hosts, blocked content, errors of scripts. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    private readonly profile: string,
    private readonly origin: string,
  ) {}

  static async start(origin: string, viewport = { width: 1400, height: 900 }): Promise<Browser> {
    const profile = mkdtempSync(path.join(tmpdir(), 'af-browser-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: browserPath,
      args: ARGUMENTS,
      viewport,
    });
    return new Browser(context, profile, origin);
  }

  async open(route: string): Promise<Page> {
    const page = await this.context.newPage();
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (['http:', 'https:'].includes(url.protocol) && url.origin !== this.origin)
        this.complaints.push(`request to ${url.href}`);
    });
    page.on('console', (message) => {
      if (message.type() === 'error' || /Content Security Policy/i.test(message.text()))
        this.complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`script: ${error.message}`));
    await page.goto(this.origin + route);
    return page;
  }

  async close(): Promise<void> {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true });
  }
}
