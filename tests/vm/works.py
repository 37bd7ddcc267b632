"""The manufacturer's side, by the shipped programs: keys, the agent's bundle, a factory line with its station, a controller, staff."""
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

from guest import CONTROLLER_ADDRESS, CONTROLLER_PORT, WAIT_MAX, end_with_the_suite

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1]


class ProgramFailed(Exception):
    """A shipped program did not end as it should."""


class Works:
    """Lives in a folder that may be copied: each test goes on with a controller of its own."""

    def __init__(self, programs, folder):
        self.programs, self.folder = Path(programs), Path(folder)
        self.station, self.controller, self.rules = self.folder / "station", self.folder / "controller", self.folder / "rules"
        self.bundle, self.release_key = self.folder / "agent.bundle", self.folder / "release.key"
        self.daemon = None
        self.port = None

    def program(self, name, *arguments, expect=0, stdin=None):
        """Standard output of a shipped program."""
        line = [str(self.programs / name)] + [str(word) for word in arguments]
        done = subprocess.run(line, capture_output=True, text=True, input=stdin, timeout=WAIT_MAX)
        if done.returncode != expect:
            raise ProgramFailed(f"{' '.join(line)}\nended with {done.returncode}, not {expect}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def found(self):
        """Begins with nothing: keys, bundle, controller, line."""
        self.folder.mkdir(parents=True)
        shutil.copytree(SOURCES / "policies" / "rules", self.rules)
        for extra in ("model-guest-pc.yaml", "offer-guest.yaml"):
            shutil.copy(HERE / extra, self.rules)
        self.program("leaseback-image", "key", "make", "--kind", "signing", "--out", self.release_key)
        self.program("leaseback-image", "bundle", "pack", "--list", SOURCES / "images/bundle/agent-bundle.yaml", "--from", self.programs, "--from", SOURCES, "--version", "0.1.0",
                     "--out", self.bundle)
        self.program("leaseback-image", "bundle", "sign", self.bundle, "--key", self.release_key)
        self.program("leaseback-fleetd", "init", "--folder", self.controller, "--name", CONTROLLER_ADDRESS)
        self.program("leaseback-provision", "line", "init", "--station", self.station, "--line", "line-1")
        return self

    # -- the line

    def apply(self, order, disk, system):
        """The disk of an order, from the factory; `system`: the bundle of its operating system and the key that vouches for it."""
        return json.loads(self.program("leaseback-provision", "disk", "apply", order, "--rules", self.rules, "--disk", disk, "--create-image", "--station", self.station,
                                       "--bundle", self.bundle, "--bundle-key", self.release_key.with_suffix(".pub"), "--controller",
                                       f"https://{CONTROLLER_ADDRESS}:{CONTROLLER_PORT}", "--authority", self.controller / "authority.pem", "--controller-key",
                                       self.controller / "signing.pub", "--image", system[0], "--image-key", system[1], "--json"))

    # -- the controller

    def open(self, log):
        """Starts the controller on a free port and tells it of the line and of what the line built."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        with open(log, "ab") as out:
            self.daemon = subprocess.Popen([str(self.programs / "leaseback-fleetd"), "run", "--folder", str(self.controller), "--rules", str(self.rules), "--listen", "127.0.0.1:0",
                                            "--name", CONTROLLER_ADDRESS, "--port-file", str(port_file), "--poll-interval", "1s"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                           preexec_fn=end_with_the_suite)
        until("the controller to listen", lambda: port_file.exists() and port_file.read_text().strip())
        self.port = int(port_file.read_text())
        return self

    def register(self, *orders):
        self.staff("line", "register", "line-1", "--key", self.station / "line.pem")
        export = self.folder / "line-1.export"
        self.program("leaseback-provision", "line", "export", "--station", self.station, "--escrow-key", self.controller / "escrow.pub", "--out", export)
        self.staff("voucher", "import", export, *orders)

    def staff(self, *words):
        return json.loads(self.program("leaseback-fleet", *words, "--home", self.controller / "staff", "--json"))

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(20)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        self.daemon = None

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.close()


def until(what, ask, seconds=WAIT_MAX):
    """Asks again and again until the answer is true; the answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise ProgramFailed(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.2)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
