import * as resolve from '../resolvers/questions';
import type { QuestionItem as QuestionItemData, QuestionRecord } from '../src/ports/tools';
import type { QuestionPage as QuestionPageData } from '../src/questions/questions';
import { AFTER, HumanScope } from './approvals';
import { builder } from './builder';
import { PAGE_DESCRIPTIONS, pageCost } from './common';

const QuestionStatus = builder.enumType('QuestionStatus', {
  description: 'Where a question is.',
  values: {
    PENDING: { value: 'pending', description: 'Waits for its user.' },
    ANSWERED: { value: 'answered', description: 'Answered; the run goes on.' },
    EXPIRED: { value: 'expired', description: 'Nobody answered in time; the agent is told.' },
    CANCELLED: { value: 'cancelled', description: 'Its run was cancelled.' },
  } as const,
});

const QuestionItemKind = builder.enumType('QuestionItemKind', {
  description: 'What answers a question item.',
  values: {
    TEXT: { value: 'text', description: 'A text of 1 to 10,000 characters.' },
    SINGLE_CHOICE: { value: 'single_choice', description: 'One of the options.' },
    MULTI_CHOICE: { value: 'multi_choice', description: 'A list of options, none twice.' },
    CONFIRM: { value: 'confirm', description: 'True or false.' },
  } as const,
});

const QuestionItem = builder.objectRef<QuestionItemData>('QuestionItem').implement({
  description: 'One thing that is asked.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Key of its answer.' }),
    text: t.exposeString('text', { description: 'The question.' }),
    kind: t.field({ type: QuestionItemKind, description: 'What answers it.', resolve: (item) => item.kind }),
    options: t.stringList({
      nullable: true,
      description: 'What can be chosen; null where nothing is.',
      resolve: (item) => item.options ?? null,
    }),
    required: t.exposeBoolean('required', { description: 'False: it may stay open.' }),
  }),
});

export const Question = builder.objectRef<QuestionRecord>('Question').implement({
  description: 'What a run asks its user; the run waits.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the question.' }),
    status: t.field({ type: QuestionStatus, description: 'Where it is.', resolve: (row) => row.status }),
    questions: t.field({
      type: [QuestionItem],
      description: 'What is asked.',
      resolve: (row) => row.items as unknown as QuestionItemData[],
    }),
    answers: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Answers by item id, once answered.',
      resolve: (row) => row.answers,
    }),
    agentId: t.exposeID('agentId', { description: 'The agent that asks.' }),
    runId: t.exposeID('runId', { description: 'The run that waits.' }),
    callId: t.exposeID('callId', { description: 'The call in the stream of events.' }),
    conversationId: t.exposeID('conversationId', { description: 'The conversation.' }),
    requestedBy: t.exposeID('requestedBy', { description: 'The user whose run it is.' }),
    answeredBy: t.exposeID('answeredBy', { nullable: true, description: 'The user who answered.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it expires; null for never.',
    }),
    answeredAt: t.expose('answeredAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was answered.',
    }),
  }),
});

const QuestionPage = builder.objectRef<QuestionPageData>('QuestionPage').implement({
  description: 'A page of questions, newest first.',
  fields: (t) => ({
    questions: t.field({
      type: [Question],
      description: 'The questions.',
      resolve: (page) => page.questions,
    }),
    total: t.exposeInt('total', { description: 'All that match.' }),
    nextCursor: t.exposeString('nextCursor', { nullable: true, description: '`cursor` of the next page.' }),
  }),
});

const RespondToQuestionInput = builder.inputType('RespondToQuestionInput', {
  description: 'Answers to a question.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The question.' }),
    answers: t.field({
      type: 'JSON',
      required: true,
      description: 'An object of answers by item id: texts, options, lists of options, true or false.',
    }),
  }),
});

const member = { authenticated: true };
const SCOPE = '`MINE` unless said.';

builder.queryFields((t) => ({
  question: t.field({
    type: Question,
    authScopes: member,
    description: "One question of the caller's runs, or for admins of the tenant's. Errors: `not_found`.",
    args: { id: t.arg.id({ required: true, description: 'The question.' }) },
    resolve: resolve.question,
  }),
  pendingQuestions: t.field({
    type: QuestionPage,
    authScopes: member,
    description: 'Questions that wait for an answer, newest first. Errors: `forbidden`, `validation_failed`.',
    args: {
      limit: t.arg.int({ description: PAGE_DESCRIPTIONS.limit }),
      offset: t.arg.int({ description: PAGE_DESCRIPTIONS.offset }),
      cursor: t.arg.string({ description: PAGE_DESCRIPTIONS.cursor }),
      scope: t.arg({ type: HumanScope, description: SCOPE }),
    },
    complexity: pageCost(50),
    resolve: resolve.pendingQuestions,
  }),
}));

builder.mutationFields((t) => ({
  respondToQuestion: t.field({
    type: Question,
    authScopes: member,
    description:
      'Answers a question; the same answers again answer what is stored. Errors: `not_found`, `validation_failed`, `conflict` (answered otherwise, expired or cancelled).',
    args: { input: t.arg({ type: RespondToQuestionInput, required: true, description: 'The answers.' }) },
    resolve: resolve.respondToQuestion,
  }),
}));

builder.subscriptionFields((t) => ({
  questionAsked: t.field({
    type: Question,
    authScopes: member,
    description:
      'Questions as they are asked; after a replay with their present status. Errors: `forbidden`.',
    args: {
      after: t.arg({ type: 'DateTime', description: `\`createdAt\` of the last one. ${AFTER}` }),
      scope: t.arg({ type: HumanScope, description: SCOPE }),
    },
    subscribe: resolve.subscribeToAsked,
    resolve: (question) => question,
  }),
}));
