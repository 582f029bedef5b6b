/** `rxkeeper/health`: whether a process lives, and whether it is ready, for whoever watches over it. */

export {
  type HealthHandler,
  type HealthOptions,
  healthHandler,
  type Readiness,
  type StatusSource,
} from './health/handler.ts'
