import type { EngineHistory } from '../engine/engine-history.ts';
import type { ProcessInstance } from '../engine/history-rows.ts';
import { unlessBlank } from '../submission/blank.ts';
import type { Change } from '../submission/change.ts';

/** The case that a change belongs to. */
export type CaseOfChange = {
  /** Of the instance, else of its root. */
  businessKey: string | null;
  /** The business key, else the root instance's id, else whatever the engine has. */
  caseId: string;
  /** By the history of the instance. */
  processDefinitionId: string | null;
};

type Place = Pick<Change, 'ref' | 'processInstanceId' | 'rootProcessInstanceId'>;

/** The cases of some changes, read in batches: the instances first, then the roots of those without a business key. */
export async function readCases(
  history: Pick<EngineHistory, 'readProcessInstances'>,
  changes: Place[],
  signal: AbortSignal,
): Promise<(change: Place) => CaseOfChange> {
  const instances = new Map<string, ProcessInstance>();
  const read = async (ids: Iterable<string | null>): Promise<void> => {
    const unknown = new Set([...ids].filter((id) => id !== null && !instances.has(id)) as string[]);
    if (unknown.size === 0) return;
    for (const [id, instance] of await history.readProcessInstances([...unknown], signal)) instances.set(id, instance);
  };
  const keyOf = (id: string | null): string | null => unlessBlank(instances.get(id ?? '')?.businessKey);
  const rootOf = (place: Place): string | null =>
    instances.get(place.processInstanceId ?? '')?.rootProcessInstanceId ?? place.rootProcessInstanceId;

  await read(changes.map(({ processInstanceId }) => processInstanceId));
  await read(changes.filter((change) => keyOf(change.processInstanceId) === null).map(rootOf));

  return (change) => {
    const businessKey = keyOf(change.processInstanceId) ?? keyOf(rootOf(change));
    const caseId = businessKey ?? rootOf(change) ?? change.processInstanceId ?? change.ref;
    const processDefinitionId = instances.get(change.processInstanceId ?? '')?.processDefinitionId ?? null;
    return { businessKey, caseId, processDefinitionId };
  };
}
