"""What the claims stand on: one disk from the factory, booted once to the question and saved; each claim goes on from there with copies."""
import json
import os
import pickle
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import operating_system
from guest import FIRMWARE, Guest, GuestFailed
from volatile_disk import VolatileDisk
from works import HERE, Works

ORDER = HERE / "orders" / "guest.yaml"
GUEST_ADDRESS = "10.0.2.77"  # as that order says
PROGRAMS_NEEDED = ["qemu-system-x86_64", "swtpm", "swtpm_setup", "sfdisk", "mcopy"]


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
        if os.geteuid() != 0:
            raise Skipped("only root may fill a guest's system partition through a loop device")

    def system(self):
        try:
            return operating_system.archive(self.cache)
        except operating_system.CannotBeMade as problem:
            raise Skipped(str(problem)) from problem

    # -- the one boot

    def boot_once(self):
        """Founds the works, builds the disk, boots it until `asked` holds, and keeps all of that. The guest, still running, for claims about the boot."""
        self.check_abilities()
        system = self.system()
        shutil.rmtree(self.booted, ignore_errors=True)
        works = Works(self.programs, self.booted / "works").found()
        image = self.booted / "guest.img"
        works.apply(ORDER, image)
        fill(image, system)
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


def boot_again(guest, controller_port, name, inbound=(), processors=2):
    """The same machine after it was off."""
    return Guest(guest.folder, guest.disk, name, controller_port=controller_port, inbound=inbound, processors=processors)


def ready(guest):
    """Waits for root's shell after a boot."""
    guest.shell.line.send("\n")
    guest.shell.greet()
    return guest


# -- filling the disk with an operating system

def partitions(image):

    table = json.loads(subprocess.run(["sfdisk", "--json", str(image)], capture_output=True, text=True, check=True).stdout)["partitiontable"]
    return {entry["name"]: entry for entry in table["partitions"]}


def fill(image, system, without=()):
    table = partitions(image)
    fill_system_partition(image, table["system"], system, without)
    fill_boot_partition(image, table["esp"], table["system"]["uuid"], system)


def fill_system_partition(image, partition, system, without):
    mount = image.with_suffix(".mount")
    mount.mkdir()
    loop = run("losetup", "--find", "--show", "--offset", partition["start"] * 512, "--sizelimit", partition["size"] * 512, image).strip()
    try:
        run("mount", loop, mount)
        try:
            left_out = [f"--exclude=.{path}" for path in without] + ["--exclude=./etc/systemd/system/*/NetworkManager*"]
            run("tar", "-x", "--skip-old-files", "--numeric-owner", "--xattrs", "--xattrs-include=*", *left_out, "-f", system, "-C", mount)
        finally:
            run("umount", mount)
    finally:
        run("losetup", "--detach", loop)
        mount.rmdir()


def fill_boot_partition(image, partition, root, system):
    folder = image.with_suffix(".boot")
    folder.mkdir()
    esp = ["-i", f"{image}@@{partition['start'] * 512}"]
    run("tar", "-x", "-f", system, "-C", folder, "--wildcards", "./boot/vmlinuz-*", "./boot/initrd.img-*", "./usr/lib/systemd/boot/efi/systemd-bootx64.efi")
    kernel = next((folder / "boot").glob("vmlinuz-*"))
    version = kernel.name.removeprefix("vmlinuz-")
    token = next(line.split()[1].removesuffix("-*") for line in run("mtype", *esp, "::/loader/loader.conf").splitlines() if line.startswith("default"))
    entry = folder / "entry.conf"
    entry.write_text(f"title Guest\nversion {version}\noptions root=PARTUUID={root.lower()} rw console=ttyS0,115200 systemd.debug_shell=ttyS1\n"
                     f"linux /{token}/{version}/linux\ninitrd /{token}/{version}/initrd\n")
    run("mmd", *esp, "::/EFI", "::/EFI/BOOT", "::/loader/entries", f"::/{token}/{version}")
    for source, target in ((folder / "usr/lib/systemd/boot/efi/systemd-bootx64.efi", "/EFI/BOOT/BOOTX64.EFI"), (kernel, f"/{token}/{version}/linux"),
                           (folder / "boot" / f"initrd.img-{version}", f"/{token}/{version}/initrd"), (entry, f"/loader/entries/{token}-{version}.conf")):
        run("mcopy", *esp, source, f"::{target}")
    shutil.rmtree(folder)


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        raise GuestFailed(f"{' '.join(map(str, words))}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout
