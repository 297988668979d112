/** Process entry: command line, settings, signals, exit code. */
import { Command, CommanderError } from 'commander';
import { type AuditOptions, audit } from './commands/audit.ts';
import { deploy } from './commands/deploy.ts';
import { reindexCommand } from './commands/reindex.ts';
import { serve } from './commands/serve.ts';
import { readVersion } from './http/user-agent.ts';

const program = new Command('formvault')
  .description('Keeps every form that people submit in a Camunda 7-compatible engine safe in S3.')
  .version(readVersion())
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('(formvault --help lists the commands)')
  .exitOverride();

program
  .command('serve', { isDefault: true })
  .description('follow the engine and keep what people submit (the default)')
  .addHelpText(
    'after',
    '\nSettings are environment variables: see .env.example and docs/CONFIGURATION.md.\nExit codes: 0 done, 70 a bug, 78 settings.',
  )
  .action(async () => {
    process.exitCode = await serve(process.env);
  });

program
  .command('deploy')
  .description('deploy the process formvault-persist to the engine, as serve does when it starts')
  .addHelpText(
    'after',
    '\nFor engines where the user of serve may not deploy: give this command the settings of one who may (CREATE on\nDEPLOYMENT, READ on PROCESS_DEFINITION formvault-persist). It may be repeated.\nSettings are those of serve. Exit codes: 0 done, 1 the engine is away or refuses, 70 a bug, 78 settings.',
  )
  .action(async () => {
    process.exitCode = await deploy(process.env);
  });

program
  .command('reindex')
  .description('build the index of cases again, from the buckets alone; may run beside serve, be stopped and repeated')
  .addHelpText(
    'after',
    '\nWhere serve holds the embedded database (no DATABASE_URL), serve does the work and this command shows how far it is.\nThe settings are those of serve. Exit codes: 0 done, 1 something could not be indexed, or S3 or the database is away,\n70 a bug, 78 settings.',
  )
  .action(async () => {
    process.exitCode = await reindexCommand(process.env);
  });

program
  .command('audit')
  .description('list who looked at what, in the order of time')
  .option('--case <key>', 'of this case alone (business key); searches belong to no case')
  .option('--from <time>', 'from this day, month, year or time on (ISO 8601, UTC)')
  .option('--to <time>', 'up to the end of this day, month or year, or to this time')
  .option('--json', 'one JSON object a line')
  .addHelpText(
    'after',
    '\nReads the audit trail in the state bucket; the settings are those of serve.\nExit codes: 0 done, 1 something in it cannot be read or S3 is away, 70 a bug, 78 settings.',
  )
  .action(async (options: AuditOptions) => {
    process.exitCode = await audit(process.env, options);
  });

try {
  checkCommand(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 78;
}

/** What begins no command would be taken for something that serve does not know. */
function checkCommand(args: readonly string[]): void {
  const name = args.find((arg) => !arg.startsWith('-'));
  const names = ['help', ...program.commands.map((command) => command.name())];
  if (name !== undefined && !names.includes(name)) program.error(`error: unknown command '${name}'`);
}
