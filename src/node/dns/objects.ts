import type { Resource, EndpointSlices, Services } from '../../api/index.ts';

type ShapeOf<R> = R extends Resource<infer T> ? T : never;

export type Service = ShapeOf<typeof Services>;
export type EndpointSlice = ShapeOf<typeof EndpointSlices>;
