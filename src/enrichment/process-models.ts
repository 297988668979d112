import { LRUCache } from 'lru-cache';
import type { EngineDefinitions } from '../engine/engine-definitions.ts';
import { type ProcessModel, parseProcessDefinition } from './process-definition.ts';

/** What the BPMN says, by process definition: read once and kept, since a definition never changes. */
export type ProcessModels = ReturnType<typeof createProcessModels>;

type Definition = { processDefinitionId: string | null; processDefinitionKey: string | null };

const REMEMBERED = 2_000;
/** An old engine says the same of a definition that is gone and of some of its own faults. */
const ABSENT_FOR_MS = 60_000;
/** So short that what was deployed to mend a failure is seen at the first retry. */
const LATEST_FOR_MS = 2_000;

export function createProcessModels(definitions: Pick<EngineDefinitions, 'findXml' | 'findLatestId'>) {
  const latest = new LRUCache<string, { id: string | null }>({ max: REMEMBERED, ttl: LATEST_FOR_MS });
  const models = new LRUCache<string, ProcessModel>({ max: REMEMBERED });
  const nothing: ProcessModel = { product: null, keepNothing: false, userTasks: new Map() };

  /** The model of a definition; one that says nothing where there is no definition, or its deployment is gone. */
  async function read(
    { processDefinitionId, processDefinitionKey }: Definition,
    signal: AbortSignal,
  ): Promise<ProcessModel> {
    if (processDefinitionId === null) return nothing;
    const known = models.get(processDefinitionId);
    if (known !== undefined) return known;
    const xml = await definitions.findXml(processDefinitionId, signal);
    const key = processDefinitionKey ?? processDefinitionId.split(':')[0] ?? '';
    const model = xml === null ? nothing : parseProcessDefinition(xml, key);
    models.set(processDefinitionId, model, xml === null ? { ttl: ABSENT_FOR_MS } : {});
    return model;
  }

  return {
    read,

    /** The model of the newest version of a process, which may say better what an older one says wrong; `null`: no version left. */
    async readLatest(
      { processDefinitionKey: key, tenantId }: { processDefinitionKey: string | null; tenantId: string | null },
      signal: AbortSignal,
    ): Promise<ProcessModel | null> {
      if (key === null) return null;
      const name = JSON.stringify([key, tenantId]);
      const known = latest.get(name) ?? { id: await definitions.findLatestId(key, tenantId, signal) };
      latest.set(name, known);
      return known.id === null ? null : read({ processDefinitionId: known.id, processDefinitionKey: key }, signal);
    },
  };
}
