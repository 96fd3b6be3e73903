/** A program that uses the sandbox and is killed: tells the pids of its sandbox processes, then keeps them busy. */
import { testSandbox } from './testkit';

async function main(): Promise<void> {
  const sandbox = testSandbox();
  await sandbox.warm('python');
  await sandbox.warm('javascript');
  const python = 'def f():\n    while True: pass\n';
  void sandbox.run({ language: 'python', source: python, arguments: {}, limits: { timeoutMs: 300_000 } });
  void sandbox.run({ language: 'javascript', source: 'function f() { for (;;) {} }', arguments: {} });
  process.send?.(sandbox.pids());
}

void main();
