"""A guest: QEMU with UEFI firmware, a TPM, two serial lines and a network of its own; spoken to over its console, a root shell and QMP.

Everything a guest needs lies in its folder; sockets lie in a short-lived folder under /tmp, because their paths must be short.
"""
import codecs
import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WAIT_MAX = 300.0  # seconds; a guest runs without hardware help, on cores that others use, too
MEMORY_MIB = 768
FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
FIRMWARE_VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
CONTROLLER_ADDRESS = "10.0.2.100"  # where guests find the controller, whatever port it has on the host
CONTROLLER_PORT = 8443


class GuestFailed(Exception):
    """The guest did not do what was waited for."""


class Line:
    """A serial line, always listened to: a guest whose line is full would wait. All that came is kept in `text`; `wait_for` moves a mark through it."""

    def __init__(self, path, log):
        self.text = ""
        self.mark = 0
        self.ended = False
        self.news = threading.Condition()
        self.log = open(log, "ab")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def close(self):
        """Precondition: the guest is off."""
        self.listener.join(20)
        self.socket.close()
        self.log.close()

    def send(self, text):
        self.socket.sendall(text.encode())

    def _listen(self):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while not self.ended:
            try:
                got = self.socket.recv(65536)
            except OSError:
                got = b""
            self.log.write(got)
            self.log.flush()
            with self.news:
                self.ended = not got
                self.text += decoder.decode(got).replace("\r", "")
                self.news.notify_all()

    def wait_for(self, pattern, seconds=WAIT_MAX, unless=lambda: False):
        """The match of a regular expression in what came after the last match; None when `unless` holds before."""
        deadline = time.monotonic() + seconds
        searched = re.compile(pattern, re.MULTILINE | re.DOTALL)
        with self.news:
            while True:
                found = searched.search(self.text, self.mark)
                if found:
                    self.mark = found.end()
                    return found
                if unless():
                    return None
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    why = f"not within {seconds:.0f} s" if left <= 0 else "and the line ended"
                    raise GuestFailed(f"waited for /{pattern}/ {why}; the last that came:\n{self.text[-3000:]}")
                self.news.wait(min(left, 0.5))


class Shell:
    """Root's shell on the second serial line."""

    def __init__(self, line):
        self.line = line
        self.count = 0

    def greet(self):
        self.line.wait_for(r"root@\S+:\S*# |^# ")
        self.line.send("stty -echo -onlcr; PS1= PS2=; HISTFILE=; export TERM=dumb LC_ALL=C.UTF-8\n")

    def run(self, command, expect=0, seconds=WAIT_MAX):
        """What a command printed, both streams; fails unless it ends with `expect` (None: whatever)."""
        self.count += 1
        self.line.send(f"printf '\\n<%s %d>\\n' begin {self.count}; {{ {command}\n}} 2>&1 < /dev/null; printf '\\n<%s %d %d>\\n' end {self.count} $?\n")
        found = self.line.wait_for(rf"\n<begin {self.count}>\n(.*?)\n?<end {self.count} (\d+)>\n", seconds)
        text, status = found.group(1).strip("\n"), int(found.group(2))
        if expect is not None and status != expect:
            raise GuestFailed(f"in the guest: {command}\nended with {status}, not {expect}:\n{text[-3000:]}")
        return text

    def until(self, what, command, seconds=WAIT_MAX):
        """Repeats a command in the guest until it succeeds; what it printed then."""
        tries = int(seconds * 4)
        return self.run(f"n=0; until {command}; do n=$((n+1)); [ $n -lt {tries} ] || {{ echo 'in vain: {what}'; false; break; }}; sleep 0.25; done", seconds=seconds + 60)


class Qmp:
    """QEMU's own control line."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT_MAX)
        self.socket.connect(str(path))
        self.reader = self.socket.makefile("r")
        json.loads(self.reader.readline())
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.socket.sendall((json.dumps({"execute": command, "arguments": arguments}) + "\n").encode())
        while True:
            line = self.reader.readline()
            if not line:
                raise GuestFailed(f"QEMU went away at {command}")
            answer = json.loads(line)
            if "error" in answer:
                raise GuestFailed(f"QEMU refused {command}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]


class Guest:
    """One start of a machine. `folder` keeps its TPM, its firmware's variables and the logs; `disk` is a VolatileDisk."""

    def __init__(self, folder, disk, name, controller_port=None, inbound=(), processors=2):
        self.folder, self.disk, self.name = Path(folder), disk, name
        self.controller_port, self.inbound, self.processors = controller_port, inbound, processors
        self.process = self.tpm = self.listener = None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sockets = Path(tempfile.mkdtemp(prefix="leaseback-vm-"))

    # -- life

    def start(self, state=None):
        """Boots, or goes on from a saved `state`."""
        try:
            self._start(state)
        except BaseException:
            self.kill()
            raise
        return self

    def _start(self, state):
        self.began = time.monotonic()
        prepare_firmware(self.folder)
        self.listener = self.disk.serve(self.sockets / "disk")
        self._start_tpm()
        line = self._command_line() + (["-incoming", f"exec:cat '{state}'"] if state else [])
        with open(self.folder / f"{self.name}-qemu.log", "ab") as log:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_the_suite)
        for name in ("control", "console", "shell"):
            self._wait_socket(self.sockets / name)
        self.qmp = Qmp(self.sockets / "control")
        self.console = Line(self.sockets / "console", self.folder / f"{self.name}-console.log")
        self.shell = Shell(Line(self.sockets / "shell", self.folder / f"{self.name}-shell.log"))
        if state:
            self._wait_status("migrate", lambda: self.qmp.ask("query-status")["status"] in ("running", "paused", "postmigrate"))
        self.qmp.ask("cont")

    def _start_tpm(self):
        socket_path = self.sockets / "tpm"
        self.tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder / 'tpm'}", "--ctrl", f"type=unixio,path={socket_path}", "--terminate",
                                     "--log", f"file={self.folder / (self.name + '-tpm.log')}"], stdin=subprocess.DEVNULL, start_new_session=True,
                                    preexec_fn=end_with_the_suite)
        self._wait_socket(socket_path)

    def _command_line(self):
        s = self.sockets
        network = "user,id=net"
        if self.controller_port is not None:
            relay = f"{sys.executable} {Path(__file__).with_name('relay.py')} {self.controller_port}"
            network += f",guestfwd=tcp:{CONTROLLER_ADDRESS}:{CONTROLLER_PORT}-cmd:{relay}"
        for host_port, guest_address, guest_port in self.inbound:
            network += f",hostfwd=tcp:127.0.0.1:{host_port}-{guest_address}:{guest_port}"
        return ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "Westmere", "-smp", str(self.processors), "-m", str(MEMORY_MIB), "-nodefaults", "-display", "none",
                "-no-reboot", "-S", "-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}", "-drive", f"if=pflash,format=raw,file={self.folder / 'variables.fd'}",
                "-drive", f"if=none,id=disk,format=raw,cache=writeback,discard=unmap,file.driver=nbd,file.server.type=unix,file.server.path={s / 'disk'}",
                "-device", "virtio-blk-pci,drive=disk,serial=LB-GUEST-DISK,bootindex=0", "-chardev", f"socket,id=tpm,path={s / 'tpm'}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                "-device", "tpm-crb,tpmdev=tpm0", "-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci", "-rtc", "base=utc",
                "-chardev", f"socket,id=console,path={s / 'console'},server=on,wait=off", "-serial", "chardev:console",
                "-chardev", f"socket,id=shell,path={s / 'shell'},server=on,wait=off", "-serial", "chardev:shell", "-qmp", f"unix:{s / 'control'},server=on,wait=off"]

    def _wait_socket(self, path):
        deadline = time.monotonic() + WAIT_MAX
        while not path.exists():
            if (self.process and self.process.poll() is not None) or time.monotonic() > deadline:
                log = self.folder / f"{self.name}-qemu.log"
                raise GuestFailed(f"{path.name}: not there; QEMU said:\n{log.read_text()[-2000:] if log.exists() else ''}")
            select.select([], [], [], 0.02)

    def _wait_status(self, what, ask):
        deadline = time.monotonic() + WAIT_MAX
        while not ask():
            if time.monotonic() > deadline:
                raise GuestFailed(f"QEMU did not finish: {what}")
            select.select([], [], [], 0.05)

    def save(self, state):
        """Stops the guest and keeps its memory, devices and TPM in a file. Its disk is kept by whoever holds it."""
        self.qmp.ask("stop")
        self.qmp.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 34})
        self.qmp.ask("migrate", uri=f"exec:cat > '{state}'")
        self._wait_status("migrate", lambda: self._migrated())

    def _migrated(self):
        found = self.qmp.ask("query-migrate")
        if found.get("status") == "failed":
            raise GuestFailed(f"the guest's state could not be saved: {found.get('error-desc')}")
        return found.get("status") == "completed"

    def power_off(self, seconds=WAIT_MAX):
        """As by the owner: the system shuts down."""
        self.shell.line.send("systemctl poweroff\n")
        self.wait_off(seconds)

    def wait_off(self, seconds=WAIT_MAX):
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise GuestFailed(f"the guest is not off after {seconds:.0f} s; its console:\n{self.console.text[-3000:]}")
            select.select([], [], [], 0.05)
        self.kill()

    def kill(self):
        """Without a word, as by pulling the plug. Harmless when it is off already."""
        for process in (self.process, self.tpm):
            if process and process.poll() is None:
                process.send_signal(signal.SIGKILL if process is self.process else signal.SIGTERM)
        for process in (self.process, self.tpm):
            if process:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if self.listener:
            self.listener.close()
        for line in (getattr(self, "console", None), self.shell.line if hasattr(self, "shell") else None):
            if line:
                line.close()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.kill()


def end_with_the_suite():
    """In a child, before its program begins: it is killed when the suite is, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, see prctl(2)


def prepare_firmware(folder):
    """The board: firmware variables as shipped, and a TPM as manufactured; kept when they are there."""
    if not (folder / "variables.fd").exists():
        shutil.copyfile(FIRMWARE_VARIABLES, folder / "variables.fd")
    if not (folder / "tpm").exists():
        fresh = folder / "tpm.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        made = subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", str(fresh), "--create-ek-cert", "--create-platform-cert", "--lock-nvram", "--overwrite"],
                              capture_output=True, text=True, env={**os.environ, "XDG_CONFIG_HOME": str(folder)})
        if made.returncode:
            raise GuestFailed(f"swtpm_setup ended with {made.returncode}:\n{made.stdout[-2000:]}{made.stderr[-1000:]}")
        fresh.rename(folder / "tpm")
