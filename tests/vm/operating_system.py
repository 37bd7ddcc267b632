"""The guests' operating system: a Debian made by mmdebstrap, kept in a cache and made again when its list of packages changes."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
LIST = HERE / "guest-packages.txt"
SUITE = "bookworm"
# Pages that nobody reads in a guest; copyright files stay.
LEFT_OUT = ["path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/info/*",
            "path-include=/usr/share/doc/*/copyright"]
# The first memory disk holds what a guest's disk needs and no more: it is read through UEFI, and unpacked, at every boot.
DRIVERS = ["virtio_pci", "virtio_blk", "ext4"]
BEFORE_UNPACKING = ('mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d" && echo MODULES=list > "$1/etc/initramfs-tools/conf.d/guest" && '
                    f'printf "%s\\n" {" ".join(DRIVERS)} > "$1/usr/share/initramfs-tools/modules.d/guest"')


class CannotBeMade(Exception):
    """This machine lacks what it takes; the suite is skipped."""


def packages():
    return [line.split("#")[0].strip() for line in LIST.read_text().splitlines() if line.split("#")[0].strip()]


def archive(cache):
    """The tar archive of the whole system; made when the cache has none of this list. Several may ask at once: one makes it."""
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256("\n".join([SUITE, BEFORE_UNPACKING] + LEFT_OUT + sorted(packages())).encode()).hexdigest()[:16]
    wanted = cache / f"guest-{SUITE}-{key}.tar"
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted.exists():
            return wanted
        for old in cache.glob("guest-*"):
            old.unlink()
        make(wanted)
    return wanted


def make(wanted):
    if shutil.which("mmdebstrap") is None:
        raise CannotBeMade("mmdebstrap is not installed")
    partial = wanted.with_suffix(".partial")
    line = ["mmdebstrap", "--variant=minbase", "--format=tar", "--include=" + ",".join(packages()), "--essential-hook=" + BEFORE_UNPACKING] + [f"--dpkgopt={option}" for option in LEFT_OUT]
    done = subprocess.run(line + [SUITE, str(partial)], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode:
        partial.unlink(missing_ok=True)
        raise CannotBeMade(f"mmdebstrap could not make the guests' system, so there is no mirror or no right to:\n{done.stderr[-2000:]}")
    partial.rename(wanted)


def network_manager_files(system):
    """What the package network-manager brought: left out of a guest that shall have systemd-networkd alone."""
    with tarfile.open(system) as tar:
        listed = tar.extractfile("./var/lib/dpkg/info/network-manager.list").read().decode().split()
        folders = {member.name.lstrip(".") for member in tar if member.isdir()}
    return {path for path in listed if path not in folders}
