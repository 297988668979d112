/**
 * `make test`: type check, lint, then every test. Ends with `N passed, N failed` and leaves the two numbers for `.ci/run` in
 * `.cache/test-counts`. A check that fails counts as one failed; where tests did not run at all there is no such line.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, projectDir } from './servers/cache.ts';

type Counts = { passed: number; failed: number };
type JestResult = { numPassedTests: number; numFailedTests: number; numRuntimeErrorTestSuites: number };

const WORKERS_WITH_SERVERS = 3;
const countsFile = cacheDir('test-counts');
mkdirSync(cacheDir(), { recursive: true });
rmSync(countsFile, { force: true });

const total: Counts = { passed: 0, failed: 0 };
for (const [check, ...command] of [
  ['type check', 'tsc', '-p', 'tsconfig.json'],
  ['lint', 'biome', 'check', '.'],
] as const) {
  const ok = (await run(join('node_modules', '.bin', command[0]), command.slice(1))) === 0;
  console.log(`${check}: ${ok ? 'ok' : 'failed'}`);
  if (!ok) total.failed++;
}

// Tests that need servers wait most of their time; each worker has an engine and an S3 server of its own.
const runs = [
  await runJest(['unit', 'architecture'], []),
  await runJest(['pages'], []),
  await runJest(['contract', 'integration'], [`--maxWorkers=${WORKERS_WITH_SERVERS}`]),
];
for (const counts of runs) {
  total.passed += counts?.passed ?? 0;
  total.failed += counts?.failed ?? 0;
}
if (runs.includes(null)) {
  console.error('the tests did not run to their end');
  process.exitCode = 1;
} else {
  writeFileSync(countsFile, `${total.passed} ${total.failed}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

/** `null` where Jest ended without a result, for example because a server did not start. */
async function runJest(projects: string[], options: string[]): Promise<Counts | null> {
  const resultFile = cacheDir(`jest-${projects.join('-')}.json`);
  rmSync(resultFile, { force: true });
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const report = ['--ci', '--json', `--outputFile=${resultFile}`];
  const exitCode = await run(process.execPath, [...jest, ...report, ...options, '--selectProjects', ...projects]);
  if (!existsSync(resultFile)) return null;
  const result = JSON.parse(readFileSync(resultFile, 'utf8')) as JestResult;
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  return { passed: result.numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}

/** Jest writes its report to stderr, and with --json its result to stdout as well. */
function run(command: string, args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const stdout = args.includes('--json') ? 'ignore' : 'inherit';
    const child = spawn(command, args, { cwd: projectDir, stdio: ['ignore', stdout, 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
