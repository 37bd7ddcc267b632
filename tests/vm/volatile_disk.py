"""A guest's disk with a cache that forgets: an NBD server over a base image that is never changed.

What the guest writes is first only in the cache, as on a real drive; a flush (or a write with FUA) makes it durable. `cut` is what
a power failure does to a drive: of each block that was written and not flushed, a seeded coin decides whether it arrived. Both layers are
kept in memory; a guest of this suite writes some dozens of MiB.
"""
import os
import random
import socket
import struct
import subprocess
import threading

BLOCK = 4096
ZEROES = bytes(BLOCK)

# The protocol's numbers: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
MAGIC, OPTION_MAGIC, OPTION_REPLY_MAGIC = b"NBDMAGIC", b"IHAVEOPT", 0x3E889045565A9
REQUEST_MAGIC, REPLY_MAGIC = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPTION_EXPORT_NAME, OPTION_ABORT, OPTION_INFO, OPTION_GO = 1, 2, 6, 7
REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 1, 3, 0x80000001
INFO_EXPORT = 0
READ, WRITE, DISCONNECT, FLUSH, TRIM, WRITE_ZEROES = 0, 1, 2, 3, 4, 6
FUA = 1
EXPORT_FLAGS = 1 | 4 | 8 | 32 | 64  # has flags, flush, FUA, trim, write zeroes
EIO, EINVAL = 5, 22
REQUEST_MAX = 64 << 20


class VolatileDisk:
    """Lives as long as the test. One guest at a time is connected; after a cut or its end the next one may be."""

    def __init__(self, base, durable=None):
        self.base = os.open(base, os.O_RDONLY)
        self.size = os.fstat(self.base).st_size
        self.durable = dict(durable or {})  # number of the block -> its bytes
        self.cache = {}
        self.writes = 0  # calls so far
        self.writes_max = None
        self.stopped = threading.Event()
        self.lock = threading.Lock()

    def close(self):
        os.close(self.base)

    # -- blocks

    def read(self, at, count):
        with self.lock:
            first, last = at // BLOCK, (at + count - 1) // BLOCK
            if not any(n in self.cache or n in self.durable for n in range(first, last + 1)):
                return os.pread(self.base, count, at)
            whole = b"".join(self._block(n) for n in range(first, last + 1))
            return whole[at - first * BLOCK:][:count]

    def write(self, at, content):
        with self.lock:
            done = 0
            while done < len(content):
                number, inside = divmod(at + done, BLOCK)
                piece = content[done:done + BLOCK - inside]
                if len(piece) < BLOCK:
                    old = self._block(number)
                    piece = old[:inside] + piece + old[inside + len(piece):]
                self.cache[number] = piece
                done += BLOCK - inside

    def write_zeroes(self, at, count):
        if at % BLOCK or count % BLOCK:
            self.write(at, bytes(count))
            return
        with self.lock:
            self.cache.update(dict.fromkeys(range(at // BLOCK, (at + count) // BLOCK), ZEROES))

    def flush(self, at=0, count=None):
        with self.lock:
            if count is None:
                self.durable.update(self.cache)
                self.cache.clear()
                return
            for number in range(at // BLOCK, (at + count + BLOCK - 1) // BLOCK):
                if number in self.cache:
                    self.durable[number] = self.cache.pop(number)

    def _block(self, number):
        for layer in (self.cache, self.durable):
            if number in layer:
                return layer[number]
        return os.pread(self.base, BLOCK, number * BLOCK).ljust(BLOCK, b"\0")

    # -- power

    def cut(self, seed):
        """The cache is lost but for what the coin says. How many blocks were in doubt, and how many arrived."""
        coin = random.Random(seed)
        with self.lock:
            doubtful = sorted(self.cache)
            arrived = [number for number in doubtful if coin.random() < 0.5]
            self.durable.update((number, self.cache[number]) for number in arrived)
            self.cache.clear()
        self.writes_max = None
        self.stopped.clear()
        return len(doubtful), len(arrived)

    def stop_after(self, count):
        """The disk takes so many more writes and then answers nothing any more. An event that is set at that moment."""
        self.writes_max = self.writes + count
        return self.stopped

    def changed(self):
        """All that differs from the base, as one layer: what `durable` takes."""
        with self.lock:
            return {**self.durable, **self.cache}

    def save(self, path):
        """The disk as a sparse file, for other people's tools."""
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", f"/proc/{os.getpid()}/fd/{self.base}", str(path)], check=True)
        with open(path, "r+b") as out:
            for number, content in sorted(self.changed().items()):
                out.seek(number * BLOCK)
                out.write(content[:self.size - number * BLOCK])
        return path

    # -- the server

    def serve(self, path):
        """Listens on a socket file until `listener.close()`; the listener."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(4)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        with connection:
            try:
                if self._agree(connection):
                    self._answer_requests(connection)
            except (ConnectionError, OSError):
                return  # the guest is gone

    def _agree(self, connection):
        connection.sendall(MAGIC + OPTION_MAGIC + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
        (client_flags,) = struct.unpack(">I", take(connection, 4))
        while True:
            magic, option, length = struct.unpack(">8sII", take(connection, 16))
            if magic != OPTION_MAGIC or length > 65536:
                return False
            take(connection, length)
            facts = struct.pack(">QH", self.size, EXPORT_FLAGS)
            if option == OPTION_EXPORT_NAME:
                connection.sendall(facts + (b"" if client_flags & NO_ZEROES else bytes(124)))
                return True
            if option in (OPTION_GO, OPTION_INFO):
                connection.sendall(option_reply(option, REPLY_INFO, struct.pack(">H", INFO_EXPORT) + facts) + option_reply(option, REPLY_ACK))
                if option == OPTION_GO:
                    return True
                continue
            connection.sendall(option_reply(option, REPLY_ACK if option == OPTION_ABORT else REPLY_UNSUPPORTED))
            if option == OPTION_ABORT:
                return False

    def _answer_requests(self, connection):
        while True:
            magic, flags, kind, handle, at, count = struct.unpack(">IHHQQI", take(connection, 28))
            if magic != REQUEST_MAGIC or kind == DISCONNECT:
                return
            content = take(connection, count) if kind == WRITE else b""
            error, answer = 0, b""
            if at + count > self.size or count > REQUEST_MAX and kind != WRITE_ZEROES and kind != TRIM:
                error = EINVAL
            elif kind == READ:
                answer = self.read(at, count)
            elif kind == WRITE:
                if self.writes_max is not None and self.writes >= self.writes_max:
                    self.stopped.set()
                    while connection.recv(65536):  # until the guest is killed
                        pass
                    return
                self.writes += 1
                self.write(at, content)
            elif kind == WRITE_ZEROES:
                self.write_zeroes(at, count)
            elif kind not in (FLUSH, TRIM):
                error = EINVAL
            if kind == FLUSH:
                self.flush()
            elif flags & FUA:
                self.flush(at, count)
            connection.sendall(struct.pack(">IIQ", REPLY_MAGIC, error, handle) + answer)


def option_reply(option, kind, content=b""):
    return struct.pack(">QIII", OPTION_REPLY_MAGIC, option, kind, len(content)) + content


def take(connection, count):
    content = bytearray()
    while len(content) < count:
        piece = connection.recv(min(count - len(content), 1 << 20))
        if not piece:
            raise ConnectionError("the other end closed")
        content += piece
    return bytes(content)
