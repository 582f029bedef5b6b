import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** How to start a ZooKeeper server. */
export interface Installation {
  /** The `java` command. */
  readonly java: string
  /** Its class path. */
  readonly classPath: string
}

/** The server and its logging, and the TLS libraries that its manifest does not name. */
const DEBIAN_JARS = [
  'zookeeper',
  'slf4j-simple',
  'netty-codec',
  'netty-resolver',
  'netty-transport-native-unix-common',
].map(jar => `/usr/share/java/${jar}.jar`)

const HOW_TO = `To get one, either
  - on Debian or Ubuntu: sudo apt-get update && sudo apt-get install -y --no-install-recommends zookeeper
  - or unpack a ZooKeeper release (https://zookeeper.apache.org/releases.html) and set ZOOKEEPER_HOME to its folder
  - or set RXKEEPER_ZOOKEEPER_CLASSPATH to a Java class path that has the server and its libraries`

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function findJava(): string {
  const home = process.env.JAVA_HOME
  const folders = [...(home ? [join(home, 'bin')] : []), ...(process.env.PATH ?? '').split(delimiter)]
  const java = folders.map(folder => join(folder, 'java')).find(isExecutable)
  if (java === undefined) {
    throw new Error(
      'no java found in JAVA_HOME or PATH; ZooKeeper needs one ' +
        '(on Debian or Ubuntu: sudo apt-get update && sudo apt-get install -y default-jre-headless)',
    )
  }
  return java
}

function findClassPath(): string {
  const classPath = process.env.RXKEEPER_ZOOKEEPER_CLASSPATH
  if (classPath) return classPath
  const home = process.env.ZOOKEEPER_HOME
  if (home) {
    const libraries = join(home, 'lib')
    if (!existsSync(libraries)) {
      throw new Error(
        `ZOOKEEPER_HOME is ${home}, which has no folder lib: it is no ZooKeeper release\n${HOW_TO}`,
      )
    }
    // The folder `conf` has the logging settings; without them everything is logged.
    return [join(libraries, '*'), join(home, 'conf')].join(delimiter)
  }
  if (DEBIAN_JARS.every(jar => existsSync(jar))) return DEBIAN_JARS.join(delimiter)
  throw new Error(`no ZooKeeper server is installed here\n${HOW_TO}`)
}

/**
 * Finds a ZooKeeper server on this machine: the class path in `RXKEEPER_ZOOKEEPER_CLASSPATH`, the release in
 * `ZOOKEEPER_HOME`, or Debian's package `zookeeper`; and `java` in `JAVA_HOME` or `PATH`.
 *
 * Where there is none, throws an error that says what to install.
 *
 * @example
 * ```ts
 * import { findZooKeeper } from 'rxkeeper/testing'
 *
 * try {
 *   console.log(findZooKeeper().classPath)
 * } catch (error) {
 *   console.log(String(error)) // what to install
 * }
 * ```
 */
export const findZooKeeper = (): Installation => ({ classPath: findClassPath(), java: findJava() })
