"""Asks more of a control socket than anybody should, for whoever runs it: attacker.py SOCKET KIND COUNT

KIND is what there are COUNT of: "connections" that say nothing and are opened again when they are closed, "plans" that are as much work as a small
request can be, or "streams" of a job's findings (job 1) that are never read. A line of standard output says when all have been tried; it goes on until
it is killed.
"""

import json
import resource
import select
import socket
import sys
import time

path, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

PLAN = json.dumps({"targets": ["198.18.64.0-198.18.64.63"], "ports": "-", "exclude": [f"198.18.64.{i}:{i + 1}" for i in range(64)]})
REQUESTS = {
    "connections": b"",
    "plans": f"POST /v1/plans HTTP/1.1\r\nHost: x\r\nContent-Length: {len(PLAN)}\r\n\r\n{PLAN}".encode(),
    "streams": b"GET /v1/jobs/1/findings HTTP/1.1\r\nHost: x\r\n\r\n",
}


def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.setblocking(False)
    if kind == "streams":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    try:
        connection.connect(path)
        connection.sendall(REQUESTS[kind])
        return connection
    except OSError:
        connection.close()
        return None


gone, kept = select.poll(), {}
tried, is_told = 0, False
while True:
    if len(kept) < count:
        tried += 1
        if connection := connect():
            kept[connection.fileno()] = connection
            gone.register(connection, select.POLLRDHUP | select.POLLHUP)
        else:
            time.sleep(0.001)
    if tried % 64 == 0 or len(kept) >= count:
        for descriptor, _ in gone.poll(0 if len(kept) < count else 100):
            gone.unregister(descriptor)
            kept.pop(descriptor).close()
    if tried >= count and not is_told:
        is_told = True
        print("tried", flush=True)
