/** The variable of our own process that says what it is about: for people in Cockpit, and for whoever runs its external task. */
export const SOURCE_VARIABLE = 'source';

export type Source = {
  topic: string;
  processInstanceId: string | null;
  processDefinitionKey: string | null;
  activityId: string | null;
  taskId: string | null;
  form: string | null;
  case: string | null;
  /** The change ended Formvault twice; it is not run before a person says so. */
  suspect?: true;
};

export function renderSource(source: Source): { type: 'Json'; value: string } {
  return { type: 'Json', value: JSON.stringify(source) };
}

/** People can change the variable: what cannot be read counts as not known. */
export function parseSource(text: string | null): Pick<Source, 'form' | 'case' | 'processInstanceId' | 'suspect'> {
  const { form, case: caseId, processInstanceId, suspect } = parseObject(text ?? '{}');
  const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
  return {
    form: textOf(form),
    case: textOf(caseId),
    processInstanceId: textOf(processInstanceId),
    ...(suspect === true ? { suspect } : {}),
  };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
