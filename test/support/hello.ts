/** A small app for instances: `hello`, version 1, and the gateway `door` that lets `hosts` in. */
export const helloApp = (hosts: string): string => `
apiVersion: v1
kind: Service
metadata: { name: hello }
spec: { selector: { app: hello }, ports: [{ name: http, port: 80, targetPort: 5000 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: hello }
spec:
  selector: { matchLabels: { app: hello } }
  template:
    metadata: { labels: { app: hello, version: v1 } }
    spec:
      containers:
        - name: hello
          image: docker.io/istio/examples-helloworld-v1:1.0
          readinessProbe: { httpGet: { path: /health, port: 5000 }, periodSeconds: 1 }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: door }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['${hosts}'] }]
---
`;
