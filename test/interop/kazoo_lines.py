"""Kazoo on a line protocol: a JSON command a line in, a JSON answer a line out."""

import base64
import json
import sys

from kazoo.client import KazooClient


def perform(client, command):
    action, path = command["action"], command["path"]
    value = base64.b64decode(command.get("value", ""))
    if action == "get":
        data, stat = client.get(path)
        return {"value": base64.b64encode(data).decode(), "version": stat.version}
    if action == "create":
        return client.create(path, value, makepath=True)
    if action == "set":
        return client.set(path, value, version=command.get("version", -1)).version
    if action == "delete":
        return client.delete(path)
    if action == "children":
        return sorted(client.get_children(path))
    raise ValueError(action)


def main():
    client = KazooClient(hosts=sys.argv[1])
    client.start()
    for line in sys.stdin:
        try:
            answer = {"result": perform(client, json.loads(line))}
        except Exception as error:
            answer = {"error": type(error).__name__}
        print(json.dumps(answer), flush=True)
    client.stop()


main()
