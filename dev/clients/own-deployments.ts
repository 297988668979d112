import type { EngineCalls } from './engine-calls.ts';

const KEY = 'formvault-persist';

/**
 * Deletes what Formvaults deployed, with all instances, where the environment is one of these: an engine belongs to one
 * environment, and whoever runs Formvaults of several on it, one after the other, clears it in between.
 */
export async function deleteOwnDeployments(
  { http, deleteDeployment }: Pick<EngineCalls, 'http' | 'deleteDeployment'>,
  isUnwanted: (environment: string | null) => boolean,
): Promise<void> {
  type Definition = { deploymentId: string; versionTag: string | null };
  const { data } = await http.get<Definition[]>('/process-definition', { params: { key: KEY, maxResults: 1_000 } });
  const unwanted = data.filter(({ versionTag }) => isUnwanted(versionTag)).map(({ deploymentId }) => deploymentId);
  for (const deploymentId of new Set(unwanted)) await deleteDeployment(deploymentId);
}
