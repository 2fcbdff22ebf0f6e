"""Speaks HTTP to a Unix socket for whoever runs it: caller.py SOCKET

Each line of standard input is a request, {"method", "route", "body", "stays"}; each line of standard output its answer, {"status", "body"},
with status 0 and the error's name where the connection itself was refused. Of the answer only the beginning is read. Where it "stays", the
connection is left open as long as the process lives: a follower.
"""

import http.client
import json
import socket
import sys


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(sys.argv[1])


kept = []
for line in sys.stdin:
    request = json.loads(line)
    connection = Connection("localhost")
    try:
        body = None if request["body"] is None else json.dumps(request["body"])
        connection.request(request["method"], request["route"], body=body, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        result = {"status": answer.status, "body": answer.read1(1 << 20).decode()}
    except OSError as error:
        result = {"status": 0, "body": type(error).__name__}
    if request["stays"]:
        kept.append(connection)
    else:
        connection.close()
    print(json.dumps(result), flush=True)
