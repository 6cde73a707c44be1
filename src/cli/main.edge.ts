/** The command line: parses, runs one command, turns what went wrong into a sentence and an exit status. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command as Commander, CommanderError } from 'commander';
import { instancePaths, located, versions } from '../app/index.ts';
import { Fault } from '../base/index.ts';
import type { Command, CommandContext, Flags, OutputFormat } from './context.ts';
import { analyzeCommand } from './commands/analyze.edge.ts';
import { backupCommand } from './commands/backup.edge.ts';
import { demoCommand } from './commands/demo.edge.ts';
import { doctorCommand } from './commands/doctor.edge.ts';
import { downCommand } from './commands/down.edge.ts';
import { explainCommand } from './commands/explain.edge.ts';
import { importCommand } from './commands/import.edge.ts';
import { injectCommand } from './commands/inject.edge.ts';
import { kubectlCommand } from './commands/kubectl.edge.ts';
import { loadTesterCommand } from './commands/loadtester.edge.ts';
import { proxyConfigCommand } from './commands/proxy-config.edge.ts';
import { proxyStatusCommand } from './commands/proxy-status.edge.ts';
import { restoreCommand } from './commands/restore.edge.ts';
import { rolloutCommand } from './commands/rollout.edge.ts';
import { runCommand } from './commands/run.edge.ts';
import { statusCommand } from './commands/status.edge.ts';
import { upCommand } from './commands/up.edge.ts';
import { versionCommand } from './commands/version.ts';
import { EXIT } from './exit.ts';
import { errorText } from './output.ts';

const COMMANDS: readonly Command[] = [
  upCommand,
  downCommand,
  statusCommand,
  doctorCommand,
  backupCommand,
  restoreCommand,
  demoCommand,
  explainCommand,
  analyzeCommand,
  injectCommand,
  proxyConfigCommand,
  proxyStatusCommand,
  importCommand,
  kubectlCommand,
  loadTesterCommand,
  rolloutCommand,
  runCommand,
  versionCommand,
];

interface Common {
  name?: string;
  state?: string;
  output?: string;
}

function contextFor({ name = 'default', state, output = 'text' }: Common): CommandContext {
  const { env } = process;
  if (!['text', 'json', 'yaml'].includes(output))
    throw new Fault('OutputInvalid', `"${output}" is not an output format`, { hint: 'Use -o text, -o json or -o yaml.' });
  const home = homedir();
  return {
    paths: located(instancePaths(name, { env, home, uid: process.getuid!() }, state && resolve(state))),
    env,
    userKubeconfig: env.KUBECONFIG?.split(':').find(Boolean) ?? join(home, '.kube', 'config'),
    output: output as OutputFormat,
    again: `${name === 'default' ? '' : ` --name ${name}`}${state ? ` --state ${state}` : ''}`,
    color: process.stdout.isTTY && !env.NO_COLOR && env.TERM !== 'dumb',
    print: (text) => process.stdout.write(text),
    say: (text) => process.stderr.write(`${text}\n`),
  };
}

function build(done: (code: number) => void): Commander {
  const program = new Commander('sluice')
    .description('Kubernetes services, an Istio mesh on the real Envoy, ingress and progressive delivery, from one command.')
    .version(versions.sluice)
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('Run "sluice --help" to see the commands.')
    .addHelpText(
      'after',
      '\nEvery command has --help. It ends with 0 when done, 1 when that failed or something is wrong, 2 when the command line was.',
    );
  for (const command of COMMANDS) {
    const sub = program.command(command.args ? `${command.name} ${command.args}` : command.name).description(command.summary);
    if (command.alias) sub.alias(command.alias);
    sub.showHelpAfterError(`Run "sluice ${command.name} --help" to see what it takes.`);
    if (!command.alone)
      sub
        .option('--name <instance>', 'which instance; several live side by side', 'default')
        .option('--state <dir>', 'keep state below this directory (default: ~/.local/state/sluice)');
    if (command.passThrough) sub.passThroughOptions().allowUnknownOption().helpOption(false);
    else sub.option('-o, --output <format>', 'text, json or yaml', 'text');
    for (const flag of command.flags) {
      if (flag.many)
        sub.option<readonly string[] | undefined>(flag.usage, flag.help, (value, before) => [...(before ?? []), value], undefined);
      else sub.option(flag.usage, flag.help);
    }
    if (command.notes) sub.addHelpText('after', `\n${command.notes}`);
    sub.action(async (...given: unknown[]) => {
      const flags = sub.opts<Common & Flags>();
      const args = given.slice(0, -2).flat() as string[];
      done(await command.run(contextFor(flags), flags, args));
    });
  }
  return program;
}

// Who reads no further (`sluice status | head -1`) has what they wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

let code: number = EXIT.done;
try {
  await build((status) => (code = status)).parseAsync(process.argv);
} catch (error) {
  // Commander has said by itself what was wrong with the command line, or printed what it was asked for.
  if (error instanceof CommanderError) code = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  else {
    process.stderr.write(errorText(error));
    code = EXIT.failed;
  }
}
// What an interrupted command left behind - timers, connections - keeps nobody waiting.
process.exit(code);
