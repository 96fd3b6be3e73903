import type { Socket } from 'node:net';
import { DomainError } from '../errors';

/** One for each connection: requests that follow one another on it add no listeners. */
const signals = new WeakMap<Socket, AbortSignal>();

/** Aborts when the connection is closed, with DomainError `cancelled`. */
export function hangUpSignal(socket: Socket): AbortSignal {
  let signal = signals.get(socket);
  if (!signal) {
    const controller = new AbortController();
    const hungUp = (): void =>
      controller.abort(new DomainError('cancelled', 'The caller hung up before the work was done.'));
    if (socket.destroyed) hungUp();
    else socket.once('close', hungUp);
    signals.set(socket, (signal = controller.signal));
  }
  return signal;
}
