import { GraphQLError } from 'graphql';
import * as resolve from '../resolvers/files';
import { DEFAULT_PAGE_SIZE } from '../src/cursor';
import type { DocumentPage as DocumentPageData } from '../src/documents/types';
import type { AttachmentPage as AttachmentPageData } from '../src/files/attachments';
import type { DocumentView as DocumentViewData } from '../src/files/viewer';
import { UploadedFile, type AttachmentRecord } from '../src/ports/files';
import { builder } from './builder';
import { Deleted, PAGE_DESCRIPTIONS, pageCost, WORK } from './common';

builder.scalarType('Upload', {
  description:
    'A file that came with a multipart request of the REST API, which maps onto these operations. A JSON value never is one.',
  serialize: () => {
    throw new GraphQLError('Upload is only for input.');
  },
  parseValue: (value) => {
    if (value instanceof UploadedFile) return value;
    throw new GraphQLError(
      'Upload must be a file: send it as multipart/form-data to the REST path of this operation.',
    );
  },
});

const AttachmentTextStatus = builder.enumType('AttachmentTextStatus', {
  description: 'Whether the text of a file could be read.',
  values: {
    PARSED: { value: 'parsed', description: 'There is a text.' },
    FAILED: {
      value: 'failed',
      description: 'The file is damaged, protected or holds no text; `textError` says which.',
    },
    UNSUPPORTED: { value: 'unsupported', description: 'Files of this type are not read.' },
  } as const,
});

export const DocumentPage = builder.objectRef<DocumentPageData>('DocumentPage').implement({
  description: 'A page, slide or sheet of a document, as a range of its text.',
  fields: (t) => ({
    page: t.exposeInt('page', { description: 'Number of the page, from 1.' }),
    start: t.exposeInt('start', { description: 'Where it begins: offset in UTF-16 code units.' }),
    end: t.exposeInt('end', { description: 'Where it ends, exclusive.' }),
    label: t.exposeString('label', { nullable: true, description: 'Name of a sheet.' }),
  }),
});

const pagesOf = (pages: unknown): DocumentPageData[] | null => (pages as DocumentPageData[] | null) ?? null;

const Attachment = builder.objectRef<AttachmentRecord>('Attachment').implement({
  description: 'A file that its user uploaded; nobody else sees it.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the attachment; `attachmentIds` of a chat take it.' }),
    fileName: t.exposeString('fileName', { description: 'Its name, as it was uploaded.' }),
    contentType: t.exposeString('contentType', {
      description: 'Media type by the content, not by the name.',
    }),
    bytes: t.exposeInt('bytes', { description: 'Size in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'Hex SHA-256 of the bytes.' }),
    textStatus: t.field({
      type: AttachmentTextStatus,
      description: 'Whether its text could be read.',
      resolve: ({ textStatus }) => textStatus,
    }),
    textError: t.exposeString('textError', { nullable: true, description: 'Why there is no text.' }),
    warnings: t.stringList({
      description:
        'What was left out of the text or could not be read, in sentences; empty when it is whole.',
      // Attachments of earlier versions have none.
      resolve: ({ warnings }) => warnings ?? [],
    }),
    textLength: t.exposeInt('textLength', {
      nullable: true,
      description: 'Length of the text in UTF-16 code units; null without one.',
    }),
    title: t.exposeString('title', { nullable: true, description: 'Title, as the file says it.' }),
    pages: t.field({
      type: [DocumentPage],
      nullable: true,
      description: 'Pages with their ranges of the text; null for formats without pages.',
      resolve: ({ pages }) => pagesOf(pages),
    }),
    metadata: t.field({
      type: 'JSON',
      description: 'What the file says of itself: author, dates, language, ...',
      resolve: ({ metadata }) => metadata ?? {},
    }),
    downloadUrl: t.string({
      description: 'Path of the bytes on this server; it needs the same token.',
      resolve: ({ id }) => `/api/v1/attachments/${id}/download`,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was uploaded.',
      resolve: (row) => row.createdAt,
    }),
  }),
});

const AttachmentPage = builder.objectRef<AttachmentPageData>('AttachmentPage').implement({
  description: "A page of the caller's attachments, newest first.",
  fields: (t) => ({
    attachments: t.field({
      type: [Attachment],
      description: 'The attachments.',
      resolve: (page) => page.attachments,
    }),
    total: t.exposeInt('total', { description: 'How many there are over all pages.' }),
    nextCursor: t.exposeString('nextCursor', {
      nullable: true,
      description: 'Cursor of the next page; null on the last.',
    }),
  }),
});

const AttachmentContent = builder
  .objectRef<{ attachment: AttachmentRecord; text: string }>('AttachmentContent')
  .implement({
    description: 'An attachment with its text.',
    fields: (t) => ({
      attachment: t.field({
        type: Attachment,
        description: 'The attachment.',
        resolve: (row) => row.attachment,
      }),
      text: t.exposeString('text', { description: 'Its text: Markdown for formats with structure.' }),
    }),
  });

const DocumentSource = builder.enumType('DocumentSource', {
  description: 'Where a document is kept.',
  values: {
    ATTACHMENT: { value: 'attachment', description: 'An attachment of the caller.' },
    KNOWLEDGE_BASE: { value: 'knowledge_base', description: 'A document of a knowledge base.' },
  } as const,
});

const DocumentView = builder.objectRef<DocumentViewData>('DocumentView').implement({
  description: 'A document as text, to show passages of it.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the attachment or document.' }),
    source: t.field({ type: DocumentSource, description: 'Where it is kept.', resolve: (row) => row.source }),
    title: t.exposeString('title', { description: 'Its title, or the name of the file.' }),
    contentType: t.exposeString('contentType', { description: 'Media type of the file.' }),
    text: t.exposeString('text', { description: 'The text; offsets of passages point into it.' }),
    pages: t.field({
      type: [DocumentPage],
      nullable: true,
      description: 'Pages with their ranges of the text; null for formats without pages.',
      resolve: ({ pages }) => pages,
    }),
    warnings: t.exposeStringList('warnings', {
      description: 'What was left out of the text or could not be read, in sentences.',
    }),
    metadata: t.field({
      type: 'JSON',
      description: 'What the file says of itself.',
      resolve: (row) => row.metadata ?? {},
    }),
  }),
});

const StorageKind = builder.enumType('StorageKind', {
  description: 'What keeps files.',
  values: {
    DISK: { value: 'disk', description: 'The data folder of the server.' },
    S3: { value: 's3', description: 'An S3-compatible object storage.' },
  } as const,
});

const StoredUpload = builder.objectRef<AttachmentRecord>('StoredUpload').implement({
  description: 'Where an uploaded file is kept.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the attachment that the file is.' }),
    key: t.exposeString('storageKey', { description: 'Key of the file in the storage.' }),
    url: t.string({
      description: 'Path of the bytes on this server; it needs the same token.',
      resolve: ({ id }) => `/api/v1/attachments/${id}/download`,
    }),
    storage: t.field({ type: StorageKind, description: 'What keeps it.', resolve: resolve.storageKind }),
    fileName: t.exposeString('fileName', { description: 'Its name, as it was uploaded.' }),
    contentType: t.exposeString('contentType', {
      description: 'Media type by the content, not by the name.',
    }),
    bytes: t.exposeInt('bytes', { description: 'Size in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'Hex SHA-256 of the bytes.' }),
  }),
});

const member = { authenticated: true };

builder.queryFields((t) => ({
  attachments: t.field({
    type: AttachmentPage,
    authScopes: member,
    description: "The caller's attachments, newest first.",
    complexity: pageCost(DEFAULT_PAGE_SIZE),
    args: {
      limit: t.arg.int({ description: PAGE_DESCRIPTIONS.limit }),
      offset: t.arg.int({ description: PAGE_DESCRIPTIONS.offset }),
      cursor: t.arg.string({ description: PAGE_DESCRIPTIONS.cursor }),
    },
    resolve: resolve.attachments,
  }),
  attachment: t.field({
    type: Attachment,
    authScopes: member,
    description: 'One attachment of the caller. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: 'Id of the attachment.' }) },
    resolve: resolve.attachment,
  }),
  attachmentContent: t.field({
    type: AttachmentContent,
    authScopes: member,
    description:
      'The text of an attachment. Errors: `not_found`; `unsupported_media_type` or `validation_failed` when the file gave none.',
    args: { id: t.arg.id({ required: true, description: 'Id of the attachment.' }) },
    resolve: resolve.attachmentContent,
  }),
  documentView: t.field({
    complexity: WORK.search,
    type: DocumentView,
    authScopes: member,
    description:
      'The text of an attachment, or of a document of a knowledge base. Errors: `not_found`, `validation_failed`.',
    args: {
      attachmentId: t.arg.id({ description: 'Id of an attachment; stands alone.' }),
      documentId: t.arg.id({ description: 'Id of a document; needs `knowledgeBaseId`.' }),
      knowledgeBaseId: t.arg.id({ description: 'Id of the knowledge base of the document.' }),
    },
    resolve: resolve.documentView,
  }),
}));

builder.mutationFields((t) => ({
  uploadAttachment: t.field({
    type: Attachment,
    authScopes: member,
    description:
      'Keeps a file and reads its text; one that cannot be read is kept with the reason. Over GraphQL files cannot be sent: use POST /api/v1/attachments. Errors: `payload_too_large`, `validation_failed`.',
    args: { file: t.arg({ type: 'Upload', required: true, description: 'The file.' }) },
    resolve: resolve.uploadAttachment,
  }),
  uploadFile: t.field({
    type: StoredUpload,
    authScopes: member,
    description:
      'Keeps a file as `uploadAttachment` does, and says where. Errors: `payload_too_large`, `validation_failed`.',
    args: { file: t.arg({ type: 'Upload', required: true, description: 'The file.' }) },
    resolve: resolve.uploadAttachment,
  }),
  deleteAttachment: t.field({
    type: Deleted,
    authScopes: member,
    description: 'Deletes an attachment with its bytes. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: 'Id of the attachment.' }) },
    resolve: resolve.deleteAttachment,
  }),
}));
