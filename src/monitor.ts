/** `rxkeeper/monitor`: the page that `rxkeeper monitor` serves, for programs that want to serve it themselves. */

export { type Monitor, type MonitorOptions, serveMonitor } from './monitor/monitor.ts'
