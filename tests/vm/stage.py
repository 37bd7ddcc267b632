"""What the claims stand on: one disk from the factory, booted once to the question and saved; each claim goes on from there with copies."""
import pickle
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import operating_system
from guest import FIRMWARE, Guest
from volatile_disk import VolatileDisk
from works import HERE, Works

ORDER = HERE / "orders" / "guest.yaml"
GUEST_ADDRESS = "10.0.2.77"  # as that order says
DHCP_ADDRESS = "10.0.2.15"  # the first that QEMU gives
PROGRAMS_NEEDED = ["qemu-system-x86_64", "swtpm", "swtpm_setup", "sfdisk", "sgdisk", "e2fsck"]


class Skipped(Exception):
    """This machine cannot show it; the text says why."""


class Stage:
    def __init__(self, programs, folder, cache):
        self.programs, self.folder, self.cache = Path(programs).resolve(), Path(folder).resolve(), Path(cache).resolve()
        self.booted = self.folder / "booted"

    def check_abilities(self):
        missing = [name for name in PROGRAMS_NEEDED if shutil.which(name) is None]
        if missing or not FIRMWARE.exists():
            raise Skipped(f"not installed: {', '.join(missing) or 'ovmf'}")

    def system(self, network):
        try:
            return operating_system.bundle(self.cache, self.programs, network)
        except operating_system.CannotBeMade as problem:
            raise Skipped(str(problem)) from problem

    # -- the one boot

    def boot_once(self):
        """Founds the works, builds the disk, boots it until `asked` holds, and keeps all of that. The guest, still running, for claims about the boot."""
        self.check_abilities()
        system = self.system("systemd-networkd")
        shutil.rmtree(self.booted, ignore_errors=True)
        image = self.booted / "guest.img"
        Works(self.programs, self.booted / "works").found().apply(ORDER, image, system)
        return Guest(self.booted / "machine", VolatileDisk(image), "first", controller_port=0)

    def keep(self, guest):
        guest.save(self.booted / "memory.new")
        with open(self.booted / "disk", "wb") as out:
            pickle.dump(guest.disk.changed(), out)
        (self.booted / "memory.new").rename(self.booted / "memory")

    # -- from there on

    @contextmanager
    def restored(self, claim, inbound=(), with_controller=True):
        """(guest, works) as they were when the machine asked, with a controller of their own. What they leave lies in the folder `claim`."""
        self.check_abilities()
        if not (self.booted / "memory").exists():
            raise Skipped("the machine was not booted: the claim about the first boot comes before this one")
        folder = self.folder / claim
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.booted / "machine", folder / "machine")
        shutil.copytree(self.booted / "works", folder / "works")
        works = Works(self.programs, folder / "works")
        with works:
            if with_controller:
                works.open(folder / "controller.log").register(ORDER)
            with open(self.booted / "disk", "rb") as layer:
                disk = VolatileDisk(self.booted / "guest.img", pickle.load(layer))
            with Guest(folder / "machine", disk, claim, controller_port=works.port or 0, inbound=inbound) as guest:
                guest.start(self.booted / "memory")
                guest.shell.run(f"date -u -s @{int(time.time())}")
                yield guest, works


    @contextmanager
    def other_machine(self, claim, order, network, inbound=()):
        """A guest of another order, built and booted for this claim alone."""
        self.check_abilities()
        system = self.system(network)
        folder = self.folder / claim
        shutil.rmtree(folder, ignore_errors=True)
        image = folder / "guest.img"
        Works(self.programs, folder / "works").found().apply(HERE / "orders" / order, image, system)
        with Guest(folder / "machine", VolatileDisk(image), claim, controller_port=0, inbound=inbound).start() as guest:
            yield ready(guest)


def boot_again(guest, controller_port, name, inbound=(), processors=2):
    """The same machine after it was off."""
    return Guest(guest.folder, guest.disk, name, controller_port=controller_port, inbound=inbound, processors=processors)


def ready(guest):
    """Waits for root's shell after a boot."""
    guest.shell.line.send("\n")
    guest.shell.greet()
    return guest
