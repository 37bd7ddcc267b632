"""Who takes part: the source tree, the clock, the controller, the customers and their machines."""
import json
import socket
from datetime import datetime, timezone
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2]
EXAMPLES = SOURCES / "provision" / "order" / "examples"

# name, order file, what the customer answers at first boot, what they answer to the renewal offer
CUSTOMERS = [("alice", "home-alice.yaml", "accept", "accept"), ("bob", "home-bob.yaml", "accept", "decline"), ("carol", "home-carol.yaml", "accept", "accept"),
             ("dan", "business-dan.yaml", "accept", "accept"), ("erin", "home-erin-declines.yaml", "decline", None)]
LEASING = [name for name, _, terms, _ in CUSTOMERS if terms == "accept"]


class Machine:
    def __init__(self, name, order, terms, renewal, folder):
        self.name, self.order, self.terms, self.renewal = name, EXAMPLES / order, terms, renewal
        self.disk = folder / "disks" / f"{name}.img"
        self.folder = folder / "machines" / name
        self.state, self.settings, self.vault = self.folder / "state", self.folder / "settings", self.folder / "vault"
        self.id = None       # of its key; read off its disk
        self.serial = None
        self.lease_bytes = 0


class Cast:
    def __init__(self, story):
        self.story = story
        folder = story.folder
        self.clock = folder / "clock"
        self.station = folder / "station"
        self.controller = folder / "controller"
        self.staff = self.controller / "staff"
        self.client_home = folder / "client"
        self.bundle = folder / "agent.bundle"
        self.release_key = folder / "keys" / "release.key"
        self.machines = {name: Machine(name, order, terms, renewal, folder) for name, order, terms, renewal in CUSTOMERS}
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"

    # -- time

    def set_clock(self, shown, why, rate=1):
        """From now on it is `shown` (UTC, ISO) for everybody who was started with --clock."""
        real = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        partial = self.clock.with_suffix(".new")
        partial.write_text(f"{real} {shown} {rate}\n")
        partial.rename(self.clock)
        self.story.tell(f"   The clock shows {shown} ({why}).")

    # -- programs that need a home

    def staff_command(self, *arguments, **options):
        return self.story.run("leaseback-fleet", *arguments, "--home", self.staff, "--clock", self.clock, **options)

    def staff_json(self, *arguments):
        return json.loads(self.story.run("leaseback-fleet", *arguments, "--home", self.staff, "--clock", self.clock, "--json", tell=False))

    def client(self, *arguments, **options):
        return self.story.run("leaseback", *arguments, "--home", self.client_home, "--clock", self.clock, **options)

    def client_json(self, *arguments):
        return json.loads(self.story.run("leaseback", *arguments, "--home", self.client_home, "--clock", self.clock, "--json", tell=False))

    def machine_facts(self, name):
        return self.staff_json("machine", "show", self.machines[name].id)

    # -- daemons

    def start_controller(self):
        port_file = self.controller / "port"
        port_file.unlink(missing_ok=True)
        self.story.daemon("controller", "leaseback-fleetd", "run", "--folder", self.controller, "--listen", f"127.0.0.1:{self.port}", "--clock", self.clock,
                          "--poll-interval", "300ms", "--port-file", port_file)
        self.story.until("the controller to listen", port_file.exists)

    def start_agent(self, name):
        machine = self.machines[name]
        self.story.daemon(name, "leaseback-agent", "run", "--state", machine.state, "--settings", machine.settings, "--vault", machine.vault, "--clock", self.clock)

    def at_machine(self, name, *words, **options):
        """A customer at their own machine."""
        machine = self.machines[name]
        return self.story.run("leaseback-agent", *words, "--state", machine.state, "--settings", machine.settings, **options)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
