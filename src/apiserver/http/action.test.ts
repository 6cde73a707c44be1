import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionOf } from './action.ts';
import { parsePath } from './request-info.ts';

const PODS = '/api/v1/namespaces/a/pods';

test('what a request is about to do', () => {
  for (const [method, target, expected] of [
    ['GET', PODS, 'list /pods in a'],
    ['HEAD', PODS, 'list /pods in a'],
    ['GET', `${PODS}?watch=true`, 'watch /pods in a'],
    ['GET', `${PODS}?watch=0`, 'list /pods in a'],
    ['GET', `${PODS}?watch=perhaps`, 'list /pods in a'],
    ['GET', '/api/v1/pods', 'list /pods in '],
    ['GET', `${PODS}/web`, 'get /pods in a web'],
    ['GET', `${PODS}?fieldSelector=status.phase%3DRunning,metadata.name%3Dweb`, 'list /pods in a web'],
    ['GET', `${PODS}?fieldSelector=metadata.name!%3Dweb`, 'list /pods in a'],
    ['POST', PODS, 'create /pods in a'],
    ['PUT', `${PODS}/web/status`, 'update /pods/status in a web'],
    ['PATCH', '/apis/apps/v1/namespaces/a/deployments/web/scale', 'patch apps/deployments/scale in a web'],
    ['DELETE', `${PODS}/web`, 'delete /pods in a web'],
    ['DELETE', PODS, 'deletecollection /pods in a'],
    ['POST', `${PODS}/web/exec`, 'create /pods/exec in a web'],
    ['GET', `${PODS}/web/exec?command=ls`, 'get /pods/exec in a web'],
    ['GET', '/api/v1/namespaces/a/services/http:web:80/proxy/x/y', 'get /services/proxy in a http:web:80'],
    ['GET', '/api/v1/namespaces', 'list /namespaces in '],
    ['GET', '/api/v1/namespaces/a', 'get /namespaces in a a'],
    ['PUT', '/api/v1/namespaces/a/finalize', 'update /namespaces/finalize in a a'],
    ['GET', '/api/v1/nodes/n/proxy/pods', 'get /nodes/proxy in  n'],
    ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'create authorization.k8s.io/selfsubjectaccessreviews in '],
    ['GET', '/metrics', 'get path /metrics'],
    ['GET', '/apis/apps/v1', 'get path /apis/apps/v1'],
    ['POST', '/logs', 'post path /logs'],
  ] as const) {
    const url = new URL(`http://server${target}`);
    const action = actionOf(method, parsePath(url.pathname)!, url);
    const said =
      action.type === 'path'
        ? `${action.verb} path ${action.path}`
        : `${action.verb} ${action.group}/${action.resource}${action.subresource && `/${action.subresource}`} in ${action.namespace}${action.name && ` ${action.name}`}`;
    assert.equal(said, expected, `${method} ${target}`);
  }
});
