import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandbox, type ProcessSandbox, type SandboxOptions } from '../../src/adapters/sandbox';
import type { Logger } from '../../src/ports/logger';

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

/** Shared by the suites, so that only the first makes the snapshot of the interpreter. */
export const SNAPSHOTS = join(tmpdir(), 'agentflow-test-snapshots');

export function testSandbox(options: Partial<SandboxOptions> = {}): ProcessSandbox {
  mkdirSync(SNAPSHOTS, { recursive: true });
  return createSandbox({ logger: silent, directory: SNAPSHOTS, ...options });
}
