import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Ingress, IngressClass } from 'kubernetes-types/networking/v1.js';
import { flavorOf, ingressClasses } from './ingress-class.ts';
import { locationRules, type Location } from './location.ts';
import { nginxSettings } from './nginx.ts';

const owner = { kind: 'Ingress', namespace: 'default', name: 'a' };
const annotated = (said: Record<string, string>) =>
  nginxSettings(Object.fromEntries(Object.entries(said).map(([k, v]) => [`nginx.ingress.kubernetes.io/${k}`, v])));
const location = (type: string, path: string, said: Record<string, string> = {}): Location => ({
  host: 'a.example.com',
  path,
  type,
  at: '',
  owner,
  flavor: 'nginx',
  settings: annotated(said).settings,
  backend: { host: 'a', port: { number: 80 } },
});
const plain = { secured: false, httpsPort: 8443 };

describe('the longest path first, the exact one of two as long, default backends last', () => {
  const cases: { locations: [type: string, path: string][]; order: string[] }[] = [
    {
      locations: [
        ['Prefix', '/'],
        ['Prefix', '/a'],
        ['Prefix', '/a/b'],
      ],
      order: ['/a/b', '/a', '/'],
    },
    {
      locations: [
        ['Prefix', '/a'],
        ['Exact', '/a'],
      ],
      order: ['=/a', '/a'],
    },
    {
      locations: [
        ['Prefix', ''],
        ['Exact', '/'],
        ['ImplementationSpecific', '/'],
      ],
      order: ['=/', '/', '/'],
    },
    {
      locations: [
        ['ImplementationSpecific', '/ab'],
        ['Prefix', '/abc'],
      ],
      order: ['/abc', '/ab'],
    },
  ];
  for (const { locations, order } of cases) {
    test(order.join(' '), () => {
      for (const given of [locations, locations.toReversed()]) {
        const rules = locationRules(
          given.map(([type, path]) => location(type, path)),
          plain,
        );
        const said = rules.map(({ match }) => match?.[0]?.uri).map((u) => (u?.exact ? `=${u.exact}` : (u?.segments ?? u?.prefix)));
        assert.deepEqual(said, order);
      }
    });
  }
});

test('a canary: header, cookie, weight, in that order', () => {
  const canary = (said: Record<string, string>): Location => ({
    ...location('Prefix', '/'),
    canary: { ...location('Prefix', '/', { canary: 'true', ...said }), backend: { host: 'b', port: { number: 80 } } },
  });
  const told = (said: Record<string, string>): unknown[] =>
    locationRules([canary(said)], plain).map(({ match, route }) => [
      Object.entries(match?.[0]?.headers ?? {}).map(([k, v]) => `${k}: ${v.exact ?? v.regex}`)[0],
      route?.map((r) => `${r.destination.host} ${r.weight ?? 'all'}`).join(', '),
    ]);
  const cookie = (value: string): string => `cookie: (?:.*; *)?c\\.d=${value}(?:;.*)?`;
  assert.deepEqual(told({ 'canary-weight': '20' }), [[undefined, 'a 80, b 20']]);
  assert.deepEqual(told({ 'canary-weight': '0' }), [[undefined, 'a all']]);
  assert.deepEqual(told({ 'canary-weight': '5', 'canary-weight-total': '5' }), [[undefined, 'b all']]);
  assert.deepEqual(told({ 'canary-by-header': 'x', 'canary-by-cookie': 'c.d', 'canary-weight': '1' }), [
    ['x: always', 'b all'],
    ['x: never', 'a all'],
    [cookie('always'), 'b all'],
    [cookie('never'), 'a all'],
    [undefined, 'a 99, b 1'],
  ]);
  assert.deepEqual(told({ 'canary-by-header': 'x', 'canary-by-header-value': 'eu' }), [
    ['x: eu', 'b all'],
    [undefined, 'a all'],
  ]);
});

test('annotations that say nothing, or nothing sensible, are named', () => {
  const odd = (said: Record<string, string>): string[] => annotated(said).odd.map((o) => `${o.name}: ${o.message}`);
  assert.deepEqual(odd({ 'proxy-body-size': '8m', 'proxy-read-timeout': '60', 'enable-cors': 'true', 'backend-protocol': 'http' }), []);
  assert.deepEqual(odd({ 'auth-url': 'http://a', 'mirror-target': '/', canary: 'yes', 'proxy-body-size': 'big', 'limit-rps': '-1' }), [
    'canary: "yes" is neither true nor false.',
    'auth-url: no authorizer is asked; its paths are answered with 503.',
    'proxy-body-size: "big" is no size.',
    'limit-rps: "-1" is no number.',
    'mirror-target: it has no effect here.',
  ]);
  assert.deepEqual(odd({ canary: 'true', 'canary-weight': '101' }), ['canary-weight: 101 is more than all, which is 100.']);
});

test('whose an Ingress is', () => {
  const foreign: IngressClass = { metadata: { name: 'nginx' }, spec: { controller: 'example.com/other' } };
  const classes = new Map(ingressClasses.map((c) => [c.metadata!.name!, c]));
  const of = (spec: object, annotations: Record<string, string> = {}): Ingress => ({ metadata: { annotations }, spec });
  assert.equal(flavorOf(of({ ingressClassName: 'nginx' }), new Map()), 'nginx', 'the name alone will do');
  assert.equal(flavorOf(of({}, { 'kubernetes.io/ingress.class': 'istio' }), classes), 'istio');
  assert.equal(flavorOf(of({}), classes), 'nginx', 'the default class');
  assert.equal(flavorOf(of({}), new Map()), undefined);
  assert.equal(flavorOf(of({ ingressClassName: 'traefik' }), classes), undefined);
  assert.equal(flavorOf(of({ ingressClassName: 'nginx' }), new Map([['nginx', foreign]])), undefined);
});
