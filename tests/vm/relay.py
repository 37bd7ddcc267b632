"""One connection of a guest, on standard input and output, to a port of the host's loopback. QEMU starts it."""
import os
import select
import socket
import sys

peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
other = {0: peer.fileno(), peer.fileno(): 1}
while True:
    for source in select.select(list(other), [], [])[0]:
        content = os.read(source, 65536)
        if not content:
            sys.exit(0)
        while content:
            content = content[os.write(other[source], content):]
