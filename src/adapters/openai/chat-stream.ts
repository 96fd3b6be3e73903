import type { IncomingMessage } from 'node:http';
import { Accumulator, type DeltaChunk } from './accumulator';
import { AnswerBody } from './body';
import { emptyFailure, streamFailure, streamedFailure, timeoutFailure } from './errors';
import type { CallContext, Failure } from './errors';

/** Undelivered text beyond this pauses the socket, so that a slow consumer bounds memory. */
const MAX_WAITING_CHARS = 256 * 1024;
/** After the end marker the connection may take this long to finish and be reused; then it is closed. */
const LINGER_MS = 1000;

/** What is known of an answer before it comes. */
export interface Expected {
  /** `provider/model`, which gets back what its endpoint gives. */
  model: string;
  /** Where something was written before, nothing more to say is an answer. */
  mayBeEmpty: boolean;
}

/**
 * The answer's body as deltas. It pushes: parsing happens as bytes arrive, and neighbouring deltas of one kind that the
 * consumer has not taken yet are handed over as one, so a burst costs one step of the consumer and not one a token.
 */
export class ChatStream {
  readonly result: Accumulator;
  private readonly waiting: DeltaChunk[] = [];
  private waitingChars = 0;
  private wake: (() => void) | undefined;
  private over = false;
  private failed: Failure | undefined;
  private readonly parser: AnswerBody;
  private idle: NodeJS.Timeout | undefined;
  private started = false;

  constructor(
    private readonly body: IncomingMessage,
    private readonly context: CallContext,
    private readonly limits: { firstByteTimeoutMs: number; idleTimeoutMs: number },
    private readonly expected: Expected,
  ) {
    this.result = new Accumulator((delta) => this.enqueue(delta), expected.model);
    this.parser = new AnswerBody((data, event) => this.onEvent(data, event));
    this.watch('first byte', limits.firstByteTimeoutMs);
    body.on('data', (chunk: Buffer) => this.onBytes(chunk));
    body.once('end', () => this.onEnd());
    body.on('error', (error) => this.fail(() => streamFailure('was cut off', this.context, error)));
    // A destroyed socket may close without an error of its own.
    body.once('close', () => this.fail(() => streamFailure('was cut off', this.context)));
  }

  /** The next delta, or undefined at the end: then see {@link failure}. */
  async next(): Promise<DeltaChunk | undefined> {
    for (;;) {
      const delta = this.waiting.shift();
      if (delta) {
        this.waitingChars -= sizeOf(delta);
        this.resume();
        return delta;
      }
      if (this.over) return undefined;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Waits until there is a delta, the end or a failure. */
  async ready(): Promise<void> {
    while (this.waiting.length === 0 && !this.over)
      await new Promise<void>((resolve) => (this.wake = resolve));
  }

  get failure(): Failure | undefined {
    return this.failed;
  }

  get hasDelta(): boolean {
    return this.waiting.length > 0;
  }

  /** Gives the connection back when the answer was read to its end, else closes it. */
  close(): void {
    this.finish();
    if (this.body.complete || this.body.destroyed) return;
    if (!this.result.ended) return void this.body.destroy();
    const linger = setTimeout(() => this.body.destroy(), LINGER_MS).unref();
    this.body.once('close', () => clearTimeout(linger));
    this.body.resume();
  }

  private onBytes(chunk: Buffer): void {
    if (this.over) return;
    this.watch('next chunk', this.limits.idleTimeoutMs);
    this.guarded(() => this.parser.push(chunk));
    if (this.result.ended) this.conclude();
    else if (this.waitingChars > MAX_WAITING_CHARS) this.pause();
  }

  private onEnd(): void {
    if (this.over) return;
    this.guarded(() => this.parser.end());
    if (this.over) return;
    // A body that is JSON is whole once it could be read.
    if (this.result.complete || (this.parser.isJson && !this.result.empty)) this.conclude();
    else this.fail(() => streamFailure(this.whatIsMissing(), this.context));
  }

  private whatIsMissing(): string {
    if (this.parser.isJson) return 'is no chat completion';
    return this.parser.payloads === 0 ? 'is not a stream of JSON events' : 'was cut off';
  }

  private conclude(): void {
    const { finish, finishReason, empty } = this.result;
    if (!this.over && empty && !this.expected.mayBeEmpty)
      this.failed = emptyFailure(finish, finishReason, this.context);
    this.finish();
  }

  private guarded(parse: () => void): void {
    try {
      parse();
    } catch (error) {
      this.fail(() => streamFailure('is not a stream of JSON events', this.context, error));
    }
  }

  private onEvent(data: string, event: string): void {
    if (this.over) return;
    const error = this.result.add(data, event);
    if (error !== undefined) this.fail(() => streamedFailure(error, this.context));
  }

  private enqueue(delta: DeltaChunk): void {
    this.waitingChars += sizeOf(delta);
    const last = this.waiting.at(-1);
    if (last && last.type !== 'tool_call' && last.type === delta.type) last.text += delta.text;
    else this.waiting.push(delta);
    this.notify();
  }

  /**
   * A body that ends after a known finish reason lost only its trailer: the answer is whole.
   * @param makeFailure called only when needed: an error's stack costs more than the rest of a call's bookkeeping
   */
  private fail(makeFailure: () => Failure): void {
    if (this.over) return;
    const { complete, empty } = this.result;
    if (!complete || (empty && !this.expected.mayBeEmpty)) this.failed = makeFailure();
    this.finish();
  }

  private finish(): void {
    this.over = true;
    clearTimeout(this.idle);
    this.notify();
  }

  private notify(): void {
    this.wake?.();
    this.wake = undefined;
  }

  private pause(): void {
    this.body.pause();
    // Silence is now our own doing.
    clearTimeout(this.idle);
  }

  private resume(): void {
    if (this.over || !this.body.isPaused() || this.waitingChars > MAX_WAITING_CHARS / 2) return;
    this.idle = undefined;
    this.watch('next chunk', this.limits.idleTimeoutMs);
    this.body.resume();
  }

  private watch(phase: 'first byte' | 'next chunk', limitMs: number): void {
    if (phase === 'next chunk' && this.started && this.idle) return void this.idle.refresh();
    clearTimeout(this.idle);
    this.started = phase === 'next chunk';
    this.idle = setTimeout(() => {
      this.fail(() => timeoutFailure(phase, limitMs, this.context));
      this.body.destroy();
    }, limitMs);
  }
}

const sizeOf = (delta: DeltaChunk): number =>
  delta.type === 'tool_call' ? (delta.arguments?.length ?? 0) : delta.text.length;
