export type { ExecOptions, ExecSession, Kubelet, LogOptions } from './kubelet.ts';
