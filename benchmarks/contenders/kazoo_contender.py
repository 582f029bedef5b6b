"""The contender Kazoo: the works of the questions, spoken to by lines of JSON (see runner/messages.ts)."""

import json
import os
import random
import resource
import statistics
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError

IN_FLIGHT = 1024
KEYS = 20_000
SLICE = 5_000
LOOP_SLICE = 2_000
VALUE = b"written".ljust(100, b".")
NOTE = "n" * 60
WATCHED = 5_000


def key_at(index):
    return f"key-{index:08d}"


def tell(report):
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


def server_cpu(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def in_flight(count, start):
    """Starts `count` operations, at most IN_FLIGHT at a time, and waits for all."""
    free = threading.Semaphore(IN_FLIGHT)
    failures = []

    def done(result):
        if result.exception is not None:
            failures.append(result.exception)
        free.release()

    for index in range(count):
        free.acquire()
        start(index).rawlink(done)
    for _ in range(IN_FLIGHT):
        free.acquire()
    if failures:
        raise failures[0]
    return count


class Works:
    def __init__(self, client, root):
        self.client = client
        self.root = root
        self.next = 0
        self.written = threading.Event()
        self.parent = root
        self.number = 0
        self.watch = None

    def path(self):
        self.next += 1
        return f"{self.root}/{key_at(self.next % KEYS)}"

    def get(self, samples):
        return in_flight(SLICE, lambda _: self.client.get_async(self.path()))

    def put(self, samples):
        return in_flight(SLICE, lambda _: self.client.set_async(self.path(), VALUE))

    def before_load(self):
        self.number += 1
        self.parent = f"{self.root}/load-{os.getpid()}-{self.number}"
        self.client.create(self.parent)

    def load(self, samples):
        return in_flight(SLICE, lambda i: self.client.create_async(f"{self.parent}/{key_at(i)}", VALUE))

    def read_all(self, samples):
        names = self.client.get_children(self.root)
        return in_flight(len(names), lambda i: self.client.get_async(f"{self.root}/{names[i]}"))

    def one_by_one(self, samples, start):
        for index in range(200):
            begun = time.perf_counter()
            start(f"{self.root}/{key_at(index)}")
            samples.append((time.perf_counter() - begun) * 1e6)
        return 200

    def alone_get(self, samples):
        return self.one_by_one(samples, self.client.get)

    def alone_put(self, samples):
        return self.one_by_one(samples, lambda path: self.client.set(path, VALUE))

    def loop(self, samples):
        return self.run_loop([random.randrange(2_000) for _ in range(LOOP_SLICE)])

    def loop_new_keys(self, samples):
        self.next += LOOP_SLICE
        return self.run_loop([(self.next + i) % KEYS for i in range(LOOP_SLICE)])

    def run_loop(self, indices):
        """Reads, computes and writes on the condition of the version, the records of one key one after the other."""
        free = threading.Semaphore(IN_FLIGHT)
        lock = threading.Lock()
        waiting = {}
        failures = []

        def process(index):
            path = f"{self.root}/{key_at(index)}"

            def on_read(result):
                if result.exception is not None:
                    failures.append(result.exception)
                    return finish(index)
                data, stat = result.value
                state = json.loads(data)
                changed = {"count": state["count"] + 1, "total": state["total"] + index % 100, "note": NOTE}
                value = json.dumps(changed, separators=(",", ":")).encode()
                self.client.set_async(path, value, version=stat.version).rawlink(on_written)

            def on_written(result):
                if isinstance(result.exception, BadVersionError):
                    return process(index)
                if result.exception is not None:
                    failures.append(result.exception)
                finish(index)

            self.client.get_async(path).rawlink(on_read)

        def finish(index):
            free.release()
            with lock:
                if waiting[index] == 0:
                    del waiting[index]
                    return
                waiting[index] -= 1
            process(index)

        for index in indices:
            free.acquire()
            with lock:
                busy = index in waiting
                waiting[index] = waiting[index] + 1 if busy else 0
            if not busy:
                process(index)
        for _ in range(IN_FLIGHT):
            free.acquire()
        if failures:
            raise failures[0]
        return len(indices)

    def watch_all(self, samples):
        if self.watch is None:
            self.watch = Watch(self.client, self.root)
        stamp = f"pass-{self.number:06d}"
        self.number += 1
        self.watch.expect(stamp.encode())
        self.written.clear()
        tell({"is": "write", "count": WATCHED, "stamp": stamp})
        self.written.wait()
        self.watch.arrived.wait()
        return WATCHED


class Watch:
    """Arms the one-shot watch again with each read."""

    def __init__(self, client, root):
        self.client = client
        self.root = root
        self.stamp = None
        self.seen = set()
        self.arrived = threading.Event()
        in_flight(WATCHED, lambda i: self.read(i))

    def expect(self, stamp):
        self.seen = set()
        self.arrived.clear()
        self.stamp = stamp

    def read(self, index):
        result = self.client.get_async(f"{self.root}/{key_at(index)}", watch=lambda event: self.read(index))
        result.rawlink(lambda answer: self.on_read(index, answer))
        return result

    def on_read(self, index, answer):
        if answer.exception is None and self.stamp is not None and answer.value[0].startswith(self.stamp):
            self.seen.add(index)
            if len(self.seen) == WATCHED:
                self.arrived.set()


def run_round(works, work, pids, milliseconds):
    before, work_pass = {
        "get": (None, works.get),
        "put": (None, works.put),
        "load": (works.before_load, works.load),
        "read-all": (None, works.read_all),
        "alone-get": (None, works.alone_get),
        "alone-put": (None, works.alone_put),
        "loop": (None, works.loop),
        "loop-new-keys": (None, works.loop_new_keys),
        "watch": (None, works.watch_all),
    }[work]
    samples = []
    operations = 0
    seconds = client = server = 0.0
    while True:
        if before is not None:
            before()
        server_before, client_before, begun = server_cpu(pids), time.process_time(), time.perf_counter()
        operations += work_pass(samples)
        seconds += time.perf_counter() - begun
        client += time.process_time() - client_before
        server += server_cpu(pids) - server_before
        if seconds * 1000 >= milliseconds:
            break
    report = {
        "operations": operations,
        "seconds": seconds,
        "clientCpu": client,
        "serverCpu": server,
        "peakMemory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if samples:
        report["latency"] = statistics.median(samples)
    return report


def main():
    works = None
    work = None
    pids = []

    def carry_out(order):
        nonlocal works, work, pids
        if order["do"] == "open":
            place = order["place"]
            client = KazooClient(hosts=place["servers"])
            client.start(timeout=15)
            works, work, pids = Works(client, place["root"]), order["work"], place["pids"]
            tell({"is": "opened", "pid": os.getpid()})
        elif order["do"] == "round":
            tell({"is": "round", "round": run_round(works, work, pids, order["milliseconds"])})
        elif order["do"] == "close":
            works.client.stop()
            tell({"is": "closed"})
            os._exit(0)

    def guarded(order):
        try:
            carry_out(order)
        except Exception as error:  # The runner shows it.
            tell({"is": "failed", "reason": repr(error)})

    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "written":
            works.written.set()
        else:
            # Not here: what a round waits for comes on standard input, too.
            threading.Thread(target=guarded, args=(order,), daemon=True).start()
    os._exit(0)


main()
