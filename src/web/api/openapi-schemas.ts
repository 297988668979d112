/** JSON Schemas of what the API answers. */

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const count = { type: 'integer', minimum: 0 };
const seconds = { type: 'number', minimum: 0 };
const timeOrNull = { type: ['string', 'null'], description: 'ISO 8601' };

const away = {
  type: 'array',
  items: { enum: ['engine', 'form-api'] },
  description: 'Services that do not answer now: what they know is null or missing in this answer.',
};

function object(properties: Record<string, object>, optional: string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

function listOf(schema: string) {
  return { type: 'array', items: ref(schema) };
}

export function ref(schema: string) {
  return { $ref: `#/components/schemas/${schema}` };
}

const instance = {
  id: { ...textOrNull, description: 'null for forms whose process instance is not known' },
  key: { ...textOrNull, description: 'Key of the process definition' },
  name: { ...textOrNull, description: 'Name of the process definition' },
  definitionId: textOrNull,
  startDate: timeOrNull,
  endDate: { ...timeOrNull, description: 'ISO 8601; null while it runs, or when the engine no longer knows' },
};

export const SCHEMAS = {
  Cases: object(
    {
      _embedded: object({ cases: listOf('FoundCase') }),
      page: object({
        size: { type: 'integer', minimum: 1, maximum: 100 },
        totalElements: count,
        totalPages: count,
        number: count,
      }),
      ignored: { type: 'array', items: text, description: 'Parts of the query that were not understood and left out.' },
      away,
    },
    ['ignored', 'away'],
  ),
  FoundCase: object({ businessKey: text, processInstances: listOf('FoundProcessInstance') }),
  FoundProcessInstance: object(instance),
  Case: object(
    {
      businessKey: text,
      processInstances: { ...listOf('ProcessInstance'), description: 'Newest first' },
      metrics: { anyOf: [ref('Metrics'), { type: 'null' }], description: 'null while the engine does not answer' },
      away,
    },
    ['away'],
  ),
  ProcessInstance: object({
    ...instance,
    formReferences: { ...listOf('FormReference'), description: 'Newest first' },
    openTasks: listOf('Task'),
  }),
  FormReference: object({
    name: text,
    title: textOrNull,
    formVersionId: textOrNull,
    dataPath: { ...text, description: 'Key of the stored form: the parameter key of …/submission' },
    bucket: { ...text, description: 'Bucket that it is stored in' },
    submissionDate: { ...text, description: 'ISO 8601' },
    submittedBy: text,
  }),
  Task: object({ id: text, name: textOrNull, assignee: textOrNull, created: timeOrNull }),
  Metrics: object({
    noOfRunningProcessInstances: count,
    noOfCompletedProcessInstances: count,
    noOfOpenUserTasks: count,
    noOfCompletedUserTasks: count,
    overallTimeInSeconds: seconds,
    averageTimeToCompleteProcessInSeconds: seconds,
  }),
  Submission: { type: 'object', description: 'The form as it is stored, byte for byte.' },
  Error: object({ error: text, message: { ...text, description: 'A sentence that says what is wrong' } }),
};
