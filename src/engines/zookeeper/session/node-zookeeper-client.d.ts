/** What is used of node-zookeeper-client 1.1.3, its inside included: it comes without types. */
declare module 'node-zookeeper-client' {
  /** What the outgoing queue takes: it sets `header.xid` and then writes what `toBuffer` returns. */
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
