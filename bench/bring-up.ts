/** From `up` to the first request that the ingress gateway sent on to a meshed pod over mTLS; and what it costs in memory. */
import { applyYaml, gatewayIn, until } from './support/objects.ts';
import { result, round, withInstance } from './support/instance.ts';

const APP = `
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: httpbin}
spec:
  selector: {app: httpbin}
  ports: [{name: http, port: 8000, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: httpbin}
spec:
  selector: {matchLabels: {app: httpbin}}
  template:
    metadata: {labels: {app: httpbin}}
    spec:
      containers: [{name: httpbin, image: "docker.io/mccutchen/go-httpbin:v2.15.0"}]
---
${gatewayIn('default')}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [web]
  http: [{route: [{destination: {host: httpbin, port: {number: 8000}}}]}]
`;

await withInstance('bring-up', async ({ client, upMs, status }) => {
  const started = performance.now();
  await applyYaml(client, APP);
  const { ingress, components } = await status();
  let headers = '';
  await until('the first request', 60_000, async () => {
    const response = await fetch(`${ingress!.http}/headers`);
    headers = await response.text();
    return response.status === 200;
  });
  const requestMs = performance.now() - started;
  const after = await status();
  result('bring-up', {
    upMs: round(upMs),
    applyToFirstRequestMs: round(requestMs),
    upToFirstRequestMs: round(upMs + requestMs),
    budgetMs: 3000,
    mutualTls: headers.includes('X-Forwarded-Client-Cert'),
    memoryMB: after.components.reduce((sum, c) => sum + (c.memoryMB ?? 0), 0),
    budgetMB: 300,
    components: Object.fromEntries(components.map((c) => [c.name, c.memoryMB ?? 0])),
  });
});
