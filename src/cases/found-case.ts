/** What is shown of cases: the words of the API, for the pages too. */

/** What an answer can be incomplete without. */
export type Service = 'engine' | 'form-api';

/** What is not known, because the engine is away or has cleaned it up, is `null`. */
export type FoundProcessInstance = {
  id: string;
  key: string | null;
  name: string | null;
  definitionId: string | null;
  /** ISO 8601. */
  startDate: string | null;
  endDate: string | null;
};

export type FoundCase = {
  businessKey: string;
  /** Of the submissions that the person may see. */
  submissions: number;
  latestMs: number;
  latestTitle: string;
  processInstances: FoundProcessInstance[];
};

export type FoundCases = {
  total: number;
  /** Newest first. */
  cases: FoundCase[];
  /** What could not be understood of the query, as it was written. */
  ignored: readonly string[];
  away: readonly Service[];
};

export type FormReference = {
  name: string;
  title: string | null;
  formVersionId: string | null;
  /** Key of the object in the vault. */
  dataPath: string;
  bucket: string;
  /** ISO 8601. */
  submissionDate: string;
  submittedBy: string;
};

export type CaseTask = { id: string; name: string | null; assignee: string | null; created: string | null };

export type CaseProcessInstance = Omit<FoundProcessInstance, 'id'> & {
  /** `null`: of submissions whose process instance is not known. */
  id: string | null;
  /** `gone`: the engine has cleaned it up. `unknown`: the engine is away, or there is no process instance. */
  state: 'running' | 'ended' | 'gone' | 'unknown';
  /** Newest first. */
  formReferences: FormReference[];
  openTasks: CaseTask[];
};

export type CaseMetrics = {
  noOfRunningProcessInstances: number;
  noOfCompletedProcessInstances: number;
  noOfOpenUserTasks: number;
  noOfCompletedUserTasks: number;
  overallTimeInSeconds: number;
  averageTimeToCompleteProcessInSeconds: number;
};

export type CaseAnswer = {
  businessKey: string;
  /** Newest first; the forms of no process instance last. */
  processInstances: CaseProcessInstance[];
  /** `null` while the engine is away. */
  metrics: CaseMetrics | null;
  away: readonly Service[];
};
