/** The command line: parses, runs one command, turns what went wrong into a sentence and an exit status. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command as Commander } from 'commander';
import { instancePaths } from '../app/index.ts';
import { Fault } from '../base/index.ts';
import type { Command, CommandContext, OutputFormat } from './context.ts';
import { demoCommand } from './commands/demo.edge.ts';
import { doctorCommand } from './commands/doctor.edge.ts';
import { downCommand } from './commands/down.edge.ts';
import { kubectlCommand } from './commands/kubectl.edge.ts';
import { statusCommand } from './commands/status.edge.ts';
import { upCommand } from './commands/up.edge.ts';
import { errorText } from './output.ts';

const COMMANDS: readonly Command[] = [upCommand, downCommand, statusCommand, doctorCommand, demoCommand, kubectlCommand];

interface Common {
  name: string;
  state?: string;
  output: string;
}

function contextFor(common: Common): CommandContext {
  const { env } = process;
  if (!['text', 'json', 'yaml'].includes(common.output))
    throw new Fault('OutputInvalid', `"${common.output}" is not an output format`, { hint: 'Use -o text, -o json or -o yaml.' });
  const home = homedir();
  return {
    paths: instancePaths(common.name, { env, home, uid: process.getuid!() }, common.state),
    env,
    userKubeconfig: env.KUBECONFIG?.split(':').find(Boolean) ?? join(home, '.kube', 'config'),
    output: common.output as OutputFormat,
    print: (text) => process.stdout.write(text),
    say: (text) => process.stderr.write(`${text}\n`),
  };
}

function build(done: (code: number) => void): Commander {
  const program = new Commander('sluice')
    .description('Kubernetes services, an Istio mesh on the real Envoy, ingress and progressive delivery, from one command.')
    .version('0.1.0')
    .enablePositionalOptions()
    .showHelpAfterError();
  for (const command of COMMANDS) {
    const sub = program.command(command.args ? `${command.name} ${command.args}` : command.name).description(command.summary);
    sub
      .option('--name <instance>', 'which instance; several live side by side', 'default')
      .option('--state <dir>', 'keep state below this directory');
    if (command.passThrough) sub.passThroughOptions().allowUnknownOption().helpOption(false);
    else sub.option('-o, --output <format>', 'text, json or yaml', 'text');
    for (const flag of command.flags) sub.option(flag.usage, flag.help);
    sub.action(async (...given: unknown[]) => {
      const flags = sub.opts<Common & Record<string, string | boolean | undefined>>();
      const args = command.args ? (given[0] as string[]) : [];
      done(await command.run(contextFor({ ...flags, output: flags.output ?? 'text' }), flags, args));
    });
  }
  return program;
}

try {
  await build((code) => (process.exitCode = code)).parseAsync(process.argv);
} catch (error) {
  process.stderr.write(errorText(error));
  process.exitCode = 1;
}
