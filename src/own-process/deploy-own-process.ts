/**
 * Deploys the process `formvault-persist`, which carries its ENVIRONMENT as version tag: one engine belongs to one environment.
 *
 * Two Formvaults of different environments may start at once and both find the engine free, so each looks again after it has
 * deployed; then at least one of them refuses to go on. Do not deploy where the newest version is the same already: a
 * Formvault whose user may not deploy can then run on what somebody else deployed.
 */
import { readFileSync } from 'node:fs';
import type { DeployedVersion, EngineProcesses } from '../engine/engine-processes.ts';
import { OWN_PROCESS_KEY } from '../engine/history-rows.ts';
import { FormvaultError } from '../errors.ts';

export type OwnProcess = { outcome: 'deployed' | 'unchanged'; version: number };

type Processes = Pick<EngineProcesses, 'findDefinitions' | 'findText' | 'deploy'>;

const DEPLOYMENT = 'formvault';
const FILE_NAME = `${OWN_PROCESS_KEY}.bpmn`;
const TAG_PLACEHOLDER = '{environment}';

/** @throws FormvaultError CONFIG_INVALID where the engine belongs to another environment; ENGINE_UNAVAILABLE, ENGINE_REJECTED */
export async function checkEnvironmentOfEngine(
  processes: Processes,
  environment: string,
  signal: AbortSignal,
): Promise<void> {
  await findOwnVersions(processes, environment, signal);
}

/**
 * May be repeated: the same process makes one version. Not at the same time by two, though: some engines then make a second
 * one of it, which does no harm.
 * @throws FormvaultError CONFIG_INVALID where the engine belongs to another environment; ENGINE_UNAVAILABLE, ENGINE_REJECTED
 */
export async function deployOwnProcess(
  processes: Processes,
  environment: string,
  signal: AbortSignal,
): Promise<OwnProcess> {
  const text = readOwnProcess(environment);
  const [newest] = await findOwnVersions(processes, environment, signal);
  if (newest !== undefined && (await processes.findText(newest.id, signal)) === text) {
    return { outcome: 'unchanged', version: newest.version };
  }
  await processes.deploy({ name: DEPLOYMENT, source: DEPLOYMENT, fileName: FILE_NAME, text }, signal);
  const [deployed] = await findOwnVersions(processes, environment, signal);
  if (deployed === undefined) throw invisible();
  return { outcome: 'deployed', version: deployed.version };
}

/** The BPMN with its version tag. */
export function readOwnProcess(environment: string): string {
  const text = readFileSync(new URL(`../../bpmn/${FILE_NAME}`, import.meta.url), 'utf8');
  return text.replace(TAG_PLACEHOLDER, () => escapeXml(environment));
}

/** All versions, newest first; none of them belongs to somebody else. */
async function findOwnVersions(
  processes: Processes,
  environment: string,
  signal: AbortSignal,
): Promise<DeployedVersion[]> {
  const versions = await processes.findDefinitions(OWN_PROCESS_KEY, signal);
  const foreign = versions.find(({ versionTag }) => versionTag !== environment);
  if (foreign === undefined) return versions;
  const { versionTag, deploymentId } = foreign;
  throw new FormvaultError('CONFIG_INVALID', 'could not use an engine that belongs to another ENVIRONMENT', {
    context: { environment, deployedEnvironment: versionTag ?? 'none', deploymentId },
    hint: `Set the ENVIRONMENT that this engine belongs to. If it shall belong to another one from now on, settle the open incidents of ${OWN_PROCESS_KEY} and delete the deployment \`${DEPLOYMENT}\` in the engine.`,
  });
}

function invisible(): FormvaultError {
  return new FormvaultError('ENGINE_REJECTED', 'could not find the process that was deployed', {
    context: { processDefinitionKey: OWN_PROCESS_KEY },
    hint: `Give the user that Formvault signs in with the permission READ on PROCESS_DEFINITION ${OWN_PROCESS_KEY}.`,
  });
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
