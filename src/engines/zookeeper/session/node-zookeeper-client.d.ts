/** Types for the parts of node-zookeeper-client 1.1.3 that are used, internals included: it has none of its own. */
declare module 'node-zookeeper-client' {
  /** A request in the outgoing queue, which sets `header.xid` and then writes the result of `toBuffer`. */
  interface OutgoingRequest {
    readonly header: { readonly type: number; xid: number }
    toBuffer(): Buffer
  }

  interface ConnectionManager {
    socket: { write(bytes: Uint8Array): boolean; destroy(): unknown } | undefined
    zxid: Buffer
    pendingQueue: { push(packet: unknown): void; shift(): undefined }
    onSocketConnected(): void
    onPacketQueueReadable(): void
    setState(state: number): void
    queue(request: OutgoingRequest): void
  }

  interface Client {
    readonly connectionManager: ConnectionManager
    addAuthInfo(scheme: string, auth: Buffer): void
  }

  interface ClientOptions {
    readonly sessionTimeout: number
    readonly sessionId?: Buffer | undefined
    readonly sessionPassword?: Buffer | undefined
  }

  const client: { createClient(servers: string, options: ClientOptions): Client }
  export default client
}
