import type { Metrics } from './metrics.ts';

const MICROSECONDS = 1e6;

/** What the process itself uses. */
export function measureProcess(metrics: Metrics): void {
  const gauge = (name: string, help: string, read: () => number): void => metrics.gauge(name, help, [], () => [[[], read()]]);
  gauge('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss());
  gauge('process_start_time_seconds', 'When the process started, since 1970.', () => Date.now() / 1000 - process.uptime());
  gauge('nodejs_heap_size_used_bytes', 'What of the heap is used.', () => process.memoryUsage().heapUsed);
  gauge('process_cpu_seconds_total', 'Time on processors.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / MICROSECONDS;
  });
}
