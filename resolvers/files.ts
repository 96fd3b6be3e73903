import type { PageArguments } from '../src/cursor';
import type { DocumentQuery } from '../src/files/viewer';
import type { UploadedFile } from '../src/ports/files';
import { type Context, principalOf } from './context';

type ById = { id: string };

export const attachments = (_root: unknown, args: PageArguments, ctx: Context) =>
  ctx.services.attachments.list(principalOf(ctx), args);

export const attachment = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.attachments.get(principalOf(ctx), id);

export const attachmentContent = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.attachments.content(principalOf(ctx), id);

export const documentView = (_root: unknown, args: DocumentQuery, ctx: Context) =>
  ctx.services.documents.view(principalOf(ctx), args, ctx.signal);

export const uploadAttachment = (_root: unknown, { file }: { file: UploadedFile }, ctx: Context) =>
  ctx.services.attachments.upload(principalOf(ctx), file, {
    id: ctx.operationId,
    // Who may try again gets what the first try made.
    signal: ctx.operationId === undefined ? ctx.signal : undefined,
  });

export const deleteAttachment = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.attachments.remove(principalOf(ctx), id);

export const storageKind = (_root: unknown, _args: unknown, ctx: Context) => ctx.services.storage.kind;
