import { LRUCache } from 'lru-cache';
import type { EngineDefinitions } from '../engine/engine-definitions.ts';
import { type ProcessModel, parseProcessDefinition } from './process-definition.ts';

/** What the BPMN says, by process definition: read once and kept, since a definition never changes. */
export type ProcessModels = ReturnType<typeof createProcessModels>;

type Definition = { processDefinitionId: string | null; processDefinitionKey: string | null };

const REMEMBERED = 2_000;

export function createProcessModels(definitions: Pick<EngineDefinitions, 'findXml'>) {
  const models = new LRUCache<string, ProcessModel>({ max: REMEMBERED });
  const nothing: ProcessModel = { product: null, keepNothing: false, userTasks: new Map() };

  return {
    /** The model of a definition; one that says nothing where there is no definition, or its deployment is gone. */
    async read({ processDefinitionId, processDefinitionKey }: Definition, signal: AbortSignal): Promise<ProcessModel> {
      if (processDefinitionId === null) return nothing;
      const known = models.get(processDefinitionId);
      if (known !== undefined) return known;
      const xml = await definitions.findXml(processDefinitionId, signal);
      const key = processDefinitionKey ?? processDefinitionId.split(':')[0] ?? '';
      const model = xml === null ? nothing : parseProcessDefinition(xml, key);
      models.set(processDefinitionId, model);
      return model;
    },
  };
}
