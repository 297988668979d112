/** The API in words. A test holds it to the routes and their answers. */
import { MAX_QUERY_LENGTH } from '../parameters.ts';
import { ref, SCHEMAS } from './openapi-schemas.ts';

const SEARCH = [
  'All words must be found in one and the same form. “"exact words"” in quotes, `begin*`, `-without`, `form:name`, `by:person`,',
  '`from:2026-01-31`, `to:2026-12-31`; a case id is found whole or by its beginning (`BF-2026*`). Empty: all cases, newest first.',
].join(' ');

const businessKey = {
  name: 'businessKey',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description:
    'Case id, percent-encoded. For an id that paths cannot carry (`.`, `..`): `-`, with the id in the parameter case.',
};
const caseInQuery = query('case', { type: 'string' }, 'The case id, where the path has `-` in its place.');
const key = { ...query('key', { type: 'string' }, 'dataPath of the form.'), required: true };
const bucket = query('bucket', { type: 'string' }, 'Only needed where the same key is in two buckets of the case.');

const BAD = failure('A parameter is wrong.');
const UNKNOWN = failure('There is nothing of the kind that you may see.');
const AWAY = failure('A service that is needed does not answer, or the audit trail cannot be written.');
const NOT_SIGNED_IN = {
  ...failure('No token, or one that is not good for this service.'),
  headers: { 'WWW-Authenticate': { schema: { type: 'string' } } },
};

export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'Formvault',
    version: '1.0.0',
    description: 'The cases and forms that are kept in the vault. What you may not see does not exist for you.',
  },
  servers: [{ url: '/' }],
  security: [{ bearer: [] }, { session: [] }],
  paths: {
    '/api/workflow/cases': {
      get: {
        operationId: 'searchCases',
        summary: 'Find cases, newest first',
        parameters: [
          query('query', { type: 'string', maxLength: MAX_QUERY_LENGTH }, SEARCH),
          query('page', { type: 'integer', minimum: 0, default: 0 }, 'Counts from 0.'),
          query('size', { type: 'integer', minimum: 1, maximum: 100, default: 20 }, 'Cases on a page.'),
        ],
        responses: { 200: answer('Cases'), 400: BAD, 401: NOT_SIGNED_IN, 503: AWAY },
      },
    },
    '/api/workflow/cases/{businessKey}': {
      get: {
        operationId: 'readCase',
        summary: 'One case: its process instances, forms and figures',
        parameters: [
          businessKey,
          query('excludes', { type: 'string' }, 'Keys of process definitions to leave out, with commas between them.'),
          caseInQuery,
        ],
        responses: { 200: answer('Case'), 401: NOT_SIGNED_IN, 404: UNKNOWN, 503: AWAY },
      },
    },
    '/api/workflow/cases/{businessKey}/submission': {
      get: {
        operationId: 'readSubmission',
        summary: 'One form as it is stored',
        parameters: [businessKey, key, bucket, caseInQuery],
        responses: { 200: answer('Submission'), 400: BAD, 401: NOT_SIGNED_IN, 404: UNKNOWN, 503: AWAY },
      },
    },
    '/api/openapi.json': {
      get: {
        operationId: 'readApiDocument',
        summary: 'This document',
        security: [],
        responses: { 200: { description: 'OpenAPI 3.1', content: json({ type: 'object' }) } },
      },
    },
  },
  components: {
    schemas: SCHEMAS,
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'A token of the OpenID provider for this audience.' },
      session: {
        type: 'apiKey',
        in: 'cookie',
        name: '__Host-formvault',
        description: 'The sign-in of the pages, same-site only.',
      },
    },
  },
};

function query(name: string, schema: object, description: string) {
  return { name, in: 'query', schema, description };
}

function answer(schema: keyof typeof SCHEMAS) {
  return { description: 'Found', content: json(ref(schema)) };
}

function failure(description: string) {
  return { description, content: json(ref('Error')) };
}

function json(schema: object) {
  return { 'application/json': { schema } };
}
