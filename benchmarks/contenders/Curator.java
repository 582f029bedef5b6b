import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.BackgroundCallback;
import org.apache.curator.framework.api.CuratorWatcher;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.KeeperException.Code;

/** The contender Apache Curator: the works of the questions, spoken to by lines of JSON (see runner/messages.ts). */
public final class Curator {
  static final int IN_FLIGHT = 1024;
  static final int KEYS = 20_000;
  static final int SLICE = 5_000;
  static final int WATCHED = 5_000;
  static final byte[] VALUE = Arrays.copyOf("written".getBytes(StandardCharsets.UTF_8), 100);
  static final String NOTE = "n".repeat(60);

  final CuratorFramework client;
  final String root;
  final List<Double> samples = new ArrayList<>();
  final AtomicReference<Throwable> failure = new AtomicReference<>();
  final Semaphore written = new Semaphore(0);
  String parent;
  int next;
  int number;
  Watch watch;

  Curator(CuratorFramework client, String root) {
    this.client = client;
    this.root = root;
  }

  static String keyAt(int index) {
    return String.format("key-%08d", index);
  }

  interface Start {
    void at(int index, BackgroundCallback done) throws Exception;
  }

  int inFlight(int count, Start start) throws Exception {
    Semaphore free = new Semaphore(IN_FLIGHT);
    BackgroundCallback done = (ignored, event) -> {
      if (event.getResultCode() != 0) failure.set(new IllegalStateException("code " + event.getResultCode()));
      free.release();
    };
    for (int i = 0; i < count; i++) {
      free.acquire();
      start.at(i, done);
    }
    free.acquire(IN_FLIGHT);
    if (failure.get() != null) throw new IllegalStateException(failure.get());
    return count;
  }

  String path() {
    return root + "/" + keyAt(next++ % KEYS);
  }

  int oneByOne(boolean write) throws Exception {
    for (int i = 0; i < 200; i++) {
      String path = root + "/" + keyAt(i);
      long begun = System.nanoTime();
      if (write) client.setData().forPath(path, VALUE);
      else client.getData().forPath(path);
      samples.add((System.nanoTime() - begun) / 1e3);
    }
    return 200;
  }

  void before(String work) throws Exception {
    if (!work.equals("load")) return;
    parent = root + "/load-" + ProcessHandle.current().pid() + "-" + number++;
    client.create().forPath(parent);
  }

  int pass(String work) throws Exception {
    switch (work) {
      case "get":
        return inFlight(SLICE, (i, done) -> client.getData().inBackground(done).forPath(path()));
      case "put":
        return inFlight(SLICE, (i, done) -> client.setData().inBackground(done).forPath(path(), VALUE));
      case "load":
        return inFlight(SLICE, (i, done) -> client.create().inBackground(done).forPath(parent + "/" + keyAt(i), VALUE));
      case "read-all":
        List<String> names = client.getChildren().forPath(root);
        return inFlight(names.size(), (i, done) -> client.getData().inBackground(done).forPath(root + "/" + names.get(i)));
      case "alone-get":
        return oneByOne(false);
      case "alone-put":
        return oneByOne(true);
      case "loop":
        Random random = new Random(42);
        int[] hot = new int[SLICE];
        for (int i = 0; i < SLICE; i++) hot[i] = random.nextInt(2_000);
        return new Loop().run(hot);
      case "loop-new-keys":
        int[] spread = new int[SLICE];
        for (int i = 0; i < SLICE; i++) spread[i] = next++ % KEYS;
        return new Loop().run(spread);
      case "watch":
        if (watch == null) watch = new Watch();
        return watch.pass();
      default:
        throw new IllegalArgumentException(work);
    }
  }

  /** Reads, computes and writes on the condition of the version, the records of one key one after the other. */
  final class Loop {
    final Semaphore free = new Semaphore(IN_FLIGHT);
    final Map<Integer, Queue<Integer>> waiting = new HashMap<>();

    int run(int[] indices) throws Exception {
      for (int index : indices) {
        free.acquire();
        boolean busy;
        synchronized (waiting) {
          Queue<Integer> line = waiting.get(index);
          busy = line != null;
          if (busy) line.add(index);
          else waiting.put(index, new ArrayDeque<>());
        }
        if (!busy) process(index);
      }
      free.acquire(IN_FLIGHT);
      if (failure.get() != null) throw new IllegalStateException(failure.get());
      return indices.length;
    }

    void process(int index) throws Exception {
      String path = root + "/" + keyAt(index);
      client.getData().inBackground((c, read) -> {
        if (read.getResultCode() != 0) {
          fail(read.getResultCode(), index);
          return;
        }
        byte[] value = changed(new String(read.getData(), StandardCharsets.UTF_8), index);
        client.setData().withVersion(read.getStat().getVersion()).inBackground((ignored, write) -> {
          if (write.getResultCode() == Code.BADVERSION.intValue()) process(index);
          else if (write.getResultCode() != 0) fail(write.getResultCode(), index);
          else finish(index);
        }).forPath(path, value);
      }).forPath(path);
    }

    void fail(int code, int index) throws Exception {
      failure.set(new IllegalStateException("code " + code));
      finish(index);
    }

    void finish(int index) throws Exception {
      free.release();
      synchronized (waiting) {
        Queue<Integer> line = waiting.get(index);
        if (line.poll() == null) {
          waiting.remove(index);
          return;
        }
      }
      process(index);
    }
  }

  static final Pattern STATE = Pattern.compile("\"count\":(\\d+),\"total\":(\\d+)");

  /** The state as JSON, read by pattern: Java has no JSON of its own, and this costs less than a library. */
  static byte[] changed(String state, int index) {
    Matcher found = STATE.matcher(state);
    if (!found.find()) throw new IllegalStateException(state);
    long count = Long.parseLong(found.group(1)) + 1;
    long total = Long.parseLong(found.group(2)) + index % 100;
    String json = "{\"count\":" + count + ",\"total\":" + total + ",\"note\":\"" + NOTE + "\"}";
    return json.getBytes(StandardCharsets.UTF_8);
  }

  /** Arms the one-shot watch again with each read. */
  final class Watch {
    volatile byte[] stamp = new byte[0];
    volatile Set<Integer> seen = ConcurrentHashMap.newKeySet();
    volatile CountDownLatch arrived = new CountDownLatch(0);

    Watch() throws Exception {
      CountDownLatch first = new CountDownLatch(WATCHED);
      for (int i = 0; i < WATCHED; i++) read(i, first);
      first.await();
    }

    void read(int index, CountDownLatch first) throws Exception {
      CuratorWatcher again = event -> read(index, null);
      client.getData().usingWatcher(again).inBackground((c, event) -> {
        byte[] data = event.getData();
        byte[] expected = stamp;
        boolean current = data != null && expected.length > 0 && data.length >= expected.length
            && Arrays.equals(data, 0, expected.length, expected, 0, expected.length);
        if (current && seen.add(index)) arrived.countDown();
        if (first != null) first.countDown();
      }).forPath(root + "/" + keyAt(index));
    }

    int pass() throws Exception {
      String text = String.format("pass-%06d", number++);
      seen = ConcurrentHashMap.newKeySet();
      arrived = new CountDownLatch(WATCHED);
      stamp = text.getBytes(StandardCharsets.UTF_8);
      tell("{\"is\":\"write\",\"count\":" + WATCHED + ",\"stamp\":\"" + text + "\"}");
      written.acquire();
      arrived.await();
      return WATCHED;
    }
  }

  static synchronized void tell(String report) {
    System.out.println(report);
    System.out.flush();
  }

  static double serverCpu(int[] pids) throws Exception {
    long ticks = 0;
    for (int pid : pids) {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      ticks += Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    }
    return ticks / 100.0;
  }

  static double clientCpu() {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() / 1e9;
  }

  String round(String work, int[] pids, double milliseconds) throws Exception {
    samples.clear();
    long operations = 0;
    double seconds = 0;
    double client = 0;
    double server = 0;
    do {
      before(work);
      double serverBefore = serverCpu(pids);
      double clientBefore = clientCpu();
      long begun = System.nanoTime();
      operations += pass(work);
      seconds += (System.nanoTime() - begun) / 1e9;
      client += clientCpu() - clientBefore;
      server += serverCpu(pids) - serverBefore;
    } while (seconds * 1000 < milliseconds);
    String latency = "";
    if (!samples.isEmpty()) {
      Collections.sort(samples);
      latency = ",\"latency\":" + samples.get(samples.size() / 2);
    }
    return "{\"is\":\"round\",\"round\":{\"operations\":" + operations + ",\"seconds\":" + seconds
        + ",\"clientCpu\":" + client + ",\"serverCpu\":" + server + latency + "}}";
  }

  static String text(String json, String name) {
    Matcher found = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
    return found.find() ? found.group(1) : "";
  }

  public static void main(String[] arguments) throws Exception {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    AtomicReference<Curator> curator = new AtomicReference<>();
    AtomicReference<String> work = new AtomicReference<>();
    AtomicReference<int[]> pids = new AtomicReference<>(new int[0]);
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String order = line;
      switch (text(order, "do")) {
        case "written":
          curator.get().written.release();
          break;
        case "close":
          curator.get().client.close();
          tell("{\"is\":\"closed\"}");
          System.exit(0);
          break;
        default:
          // Not here: what a round waits for comes on standard input, too.
          new Thread(() -> {
            try {
              if (text(order, "do").equals("open")) {
                CuratorFramework client = CuratorFrameworkFactory.newClient(text(order, "servers"), new RetryOneTime(100));
                client.start();
                if (!client.blockUntilConnected(15, TimeUnit.SECONDS)) throw new IllegalStateException("not connected");
                curator.set(new Curator(client, text(order, "root")));
                work.set(text(order, "work"));
                Matcher list = Pattern.compile("\"pids\":\\[([\\d,]*)\\]").matcher(order);
                if (list.find() && !list.group(1).isEmpty()) {
                  pids.set(Arrays.stream(list.group(1).split(",")).mapToInt(Integer::parseInt).toArray());
                }
                tell("{\"is\":\"opened\",\"pid\":" + ProcessHandle.current().pid() + "}");
              } else {
                Matcher time = Pattern.compile("\"milliseconds\":([\\d.]+)").matcher(order);
                if (!time.find()) throw new IllegalArgumentException(order);
                tell(curator.get().round(work.get(), pids.get(), Double.parseDouble(time.group(1))));
              }
            } catch (Exception error) {
              tell("{\"is\":\"failed\",\"reason\":\"" + error.toString().replace('"', '\'').replace('\n', ' ') + "\"}");
            }
          }).start();
      }
    }
    System.exit(0);
  }
}
