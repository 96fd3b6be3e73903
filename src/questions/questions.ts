import { isDeepStrictEqual } from 'node:util';
import { decideQuestion, isOverdue, type QuestionDecider } from '../approvals/deciding';
import { expireQuestion, expireQuestions } from '../approvals/expiry';
import { type HumanScope, maySee, requesterIn } from '../approvals/scope';
import { cut, encodeCursor, type PageArguments, toPage } from '../cursor';
import { DomainError, notFound } from '../errors';
import { assertPerson } from '../identity/access';
import type { Principal } from '../ports/identity';
import type { JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { QuestionItem, QuestionRecord } from '../ports/tools';
import { checkAnswers } from './answers';

export interface QuestionDependencies extends QuestionDecider {
  open: (tenant: string) => Promise<TenantStore>;
}

export interface QuestionPage {
  questions: QuestionRecord[];
  total: number;
  nextCursor: string | null;
}

/** What runs ask their users. */
export class Questions {
  constructor(private readonly dependencies: QuestionDependencies) {}

  /** Those that can still be answered, newest first: the caller's own, or with `scope: tenant` an admin's tenant's. */
  async pending(
    principal: Principal,
    args: PageArguments & { scope?: HumanScope | null },
  ): Promise<QuestionPage> {
    const requestedBy = requesterIn(principal, args.scope);
    const page = toPage(args);
    const store = await this.dependencies.open(principal.tenant);
    const filter = {
      aliveAt: this.dependencies.clock.now(),
      ...(requestedBy === undefined ? {} : { requestedBy }),
    };
    const [found, total] = await Promise.all([
      store.questions.pending(filter, { ...page, limit: page.limit + 1 }),
      store.questions.countPending(filter),
    ]);
    const { rows, more } = cut(found, page.limit);
    const last = rows.at(-1);
    const nextCursor = more && last ? encodeCursor({ at: last.createdAt, id: last.id }) : null;
    return { questions: rows, total, nextCursor };
  }

  /** @throws DomainError `not_found` for an unknown one or, unless the caller is an admin, another user's */
  async get(principal: Principal, id: string): Promise<QuestionRecord> {
    return this.visible(await this.dependencies.open(principal.tenant), principal, id);
  }

  /**
   * Answers; the same answers again are answered with what is stored.
   * @throws DomainError `forbidden` for a machine, `not_found`, `validation_failed` naming `answers.<item id>`, or `conflict` (answered otherwise,
   *   expired, cancelled)
   */
  async respond(
    principal: Principal,
    { id, answers = null }: { id: string; answers?: JsonValue },
  ): Promise<QuestionRecord> {
    assertPerson(principal, 'answer questions');
    const store = await this.dependencies.open(principal.tenant);
    const question = await this.visible(store, principal, id);
    const checked = checkAnswers(question.items as unknown as QuestionItem[], answers);
    if (question.status === 'pending') {
      const answered = await decideQuestion(this.dependencies, store, question, {
        status: 'answered',
        answers: checked,
        answeredBy: principal.userId,
        answeredAt: this.dependencies.clock.now(),
      });
      if (answered) return answered;
    }
    const settled = question.status === 'pending' ? await this.visible(store, principal, id) : question;
    if (settled.status === 'answered' && isDeepStrictEqual(settled.answers, checked)) return settled;
    throw alreadyEnded(settled);
  }

  /** Ends those of a tenant whose time ran out. @returns how many */
  expireOverdue(store: TenantStore): Promise<number> {
    return expireQuestions(this.dependencies, store);
  }

  private async visible(store: TenantStore, principal: Principal, id: string): Promise<QuestionRecord> {
    const question = await store.questions.find(id);
    if (!question || !maySee(principal, question)) throw notFound('Question', id);
    if (!isOverdue(question, this.dependencies.clock.now())) return question;
    const expired = await expireQuestion(this.dependencies, store, question);
    return expired ?? (await store.questions.find(id)) ?? question;
  }
}

const alreadyEnded = (question: QuestionRecord): DomainError =>
  new DomainError(
    'conflict',
    `Question ${question.id} is already ${question.status}; send a new message to go on.`,
    {
      extra: {
        question: {
          id: question.id,
          status: question.status,
          answers: question.answers,
          answered_by: question.answeredBy,
          answered_at: question.answeredAt?.toISOString() ?? null,
          expires_at: question.expiresAt?.toISOString() ?? null,
        },
      },
    },
  );
