export type { Client, DeleteOptions, ListOptions, ObjectList, Patch, WatchEvent, WatchOptions, WriteOptions } from './client.ts';
