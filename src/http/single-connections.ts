import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { DomainError } from '../errors';
import type { Principal } from '../ports/identity';

/** From the reservation of a stream until its client must have connected. Milliseconds. */
const CONNECT_WITHIN_MS = 60_000;
/** Streams that one user may have at a time: a browser has one for each open page. */
const MAX_STREAMS_PER_USER = 100;

interface Reservation {
  owner: string;
  response?: ServerResponse;
  connected: Promise<ServerResponse | undefined>;
  connect: (response: ServerResponse | undefined) => void;
  expiry: NodeJS.Timeout;
}

const ownerOf = ({ tenant, userId }: Principal): string => `${tenant}/${userId}`;

/**
 * The event streams that clients of the single-connection mode reserved. A token is chosen here, belongs to who reserved it,
 * and ends when nobody connects in time or the connection ends.
 */
export class SingleConnections {
  private readonly reservations = new Map<string, Reservation>();

  /** @param release called with the token of a stream to which nobody connected in time */
  constructor(private readonly release: (token: string) => void) {}

  /** @throws DomainError `rate_limited` */
  reserve(principal: Principal): string {
    const owner = ownerOf(principal);
    const count = [...this.reservations.values()].filter((one) => one.owner === owner).length;
    if (count >= MAX_STREAMS_PER_USER)
      throw new DomainError(
        'rate_limited',
        `There are ${MAX_STREAMS_PER_USER} event streams of yours already; close one first.`,
        { retryAfterMs: CONNECT_WITHIN_MS },
      );
    const token = randomUUID();
    let connect!: Reservation['connect'];
    const connected = new Promise<ServerResponse | undefined>((resolve) => (connect = resolve));
    const expiry = setTimeout(() => {
      this.end(token);
      this.release(token);
    }, CONNECT_WITHIN_MS);
    expiry.unref();
    this.reservations.set(token, { owner, connected, connect, expiry });
    return token;
  }

  /** @throws DomainError `not_found` for a token that is not the caller's */
  assertOwned(token: string, principal: Principal): void {
    if (this.reservations.get(token)?.owner === ownerOf(principal)) return;
    throw new DomainError(
      'not_found',
      'There is no event stream of yours with this token; reserve one with PUT.',
    );
  }

  /** The client has come for its stream. */
  open(token: string, response: ServerResponse): void {
    const reservation = this.reservations.get(token);
    if (!reservation || reservation.response) return;
    clearTimeout(reservation.expiry);
    reservation.response = response;
    reservation.connect(response);
    response.once('close', () => this.end(token));
  }

  /** Where results for a stream are written, as soon as its client has come; undefined when it never did. */
  async responseOf(token: string): Promise<ServerResponse | undefined> {
    return this.reservations.get(token)?.connected;
  }

  private end(token: string): void {
    const reservation = this.reservations.get(token);
    this.reservations.delete(token);
    clearTimeout(reservation?.expiry);
    reservation?.connect(undefined);
  }
}
