import type { InstancePaths } from '../app/index.ts';

/** What a command is given: the instance it is about and the terminal. Nothing else is global. */
export interface CommandContext {
  readonly paths: InstancePaths;
  readonly env: NodeJS.ProcessEnv;
  /** The user's kubeconfig: the first file of KUBECONFIG, else `~/.kube/config`. */
  readonly userKubeconfig: string;
  readonly output: OutputFormat;
  /** The flags that name this instance again, each with a space before it; empty for the default one. */
  readonly again: string;
  /** Whether results go to a terminal that shows colours. */
  readonly color: boolean;
  /** Results, to standard output. */
  print(text: string): void;
  /** Progress and remarks, to standard error. */
  say(text: string): void;
}

export type OutputFormat = 'text' | 'json' | 'yaml';

export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** A command as a value: its words, its flags, what it does. Resolves with the exit status. */
export interface Command {
  readonly name: string;
  /** A shorter word for it. */
  readonly alias?: string;
  readonly summary: string;
  /** Arguments as commander writes them, e.g. `[args...]`. */
  readonly args?: string;
  readonly flags: readonly Flag[];
  /** What `--help` says after the flags, e.g. what the exit statuses mean. */
  readonly notes?: string;
  /** Is about files or another cluster, so that no flag names an instance. */
  readonly alone?: boolean;
  /** Hands all arguments through unparsed. */
  readonly passThrough?: boolean;
  run(context: CommandContext, flags: Flags, args: readonly string[]): Promise<number>;
}

export interface Flag {
  /** As commander writes it, e.g. `--api-port <port>`. */
  readonly usage: string;
  readonly help: string;
  /** May be given several times: its value is then a list. */
  readonly many?: boolean;
}
