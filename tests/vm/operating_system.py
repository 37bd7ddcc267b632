"""The guests' operating system: a Debian made by mmdebstrap, kept in a cache and made again when its list of packages changes."""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
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

LOADER = "./usr/lib/systemd/boot/efi/systemd-bootx64.efi"
# The console that the owner sees, and a root shell on the second serial line, for the suite.
KERNEL_OPTIONS = "console=ttyS0,115200 systemd.debug_shell=ttyS1"


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
        for old in [*cache.glob("guest-*"), *cache.glob("system-*")]:
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


def bundle(cache, programs, network):
    """(bundle, public key) of a system whose network is kept by `network`: systemd-networkd or NetworkManager. Packed anew when the system or the program changes."""
    system = archive(cache)
    program = Path(programs) / "leaseback-image"
    key = hashlib.sha256(system.name.encode() + program.read_bytes()).hexdigest()[:16]
    wanted = Path(cache) / f"system-{network}-{key}.bundle"
    signing_key = Path(cache) / "system.key"
    with open(Path(cache) / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.with_suffix(".bundle.sig").exists():
            for old in Path(cache).glob(f"system-{network}-*"):
                old.unlink()
            if not signing_key.exists():
                tell(program, "key", "make", "--kind", "signing", "--out", signing_key)
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                pack(program, system, Path(folder), network, wanted)
            tell(program, "bundle", "sign", wanted, "--key", signing_key)
    return wanted, signing_key.with_suffix(".pub")


def pack(program, system, folder, network, wanted):
    with tarfile.open(system) as whole:
        left_out = network_manager_files(whole) if network == "systemd-networkd" else set()
        with tarfile.open(folder / "rootfs.tar", "w", format=tarfile.PAX_FORMAT) as chosen:
            for member in whole:
                if member.name.startswith("./boot/vmlinuz-") or member.name.startswith("./boot/initrd.img-") or member.name == LOADER:
                    (folder / re.sub(r"-\d.*", "", Path(member.name).name)).write_bytes(whole.extractfile(member).read())
                if not left_out or (member.name.lstrip(".") not in left_out and "/NetworkManager" not in member.name):
                    chosen.addfile(member, whole.extractfile(member) if member.isreg() else None)
    (folder / "list.yaml").write_text(
        f"kind: os-archive\nname: guest\nfrom: rootfs.tar\nnetwork: {network}\nkernel: /boot/efi/guest/vmlinuz\ninitrd: /boot/efi/guest/initrd.img\n"
        f"kernel_options: {KERNEL_OPTIONS}\nentries:\n"
        "  - {kind: file, from: systemd-bootx64.efi, path: /boot/efi/EFI/BOOT/BOOTX64.EFI, mode: \"0644\"}\n"
        "  - {kind: file, from: vmlinuz, path: /boot/efi/guest/vmlinuz, mode: \"0644\"}\n"
        "  - {kind: file, from: initrd.img, path: /boot/efi/guest/initrd.img, mode: \"0644\"}\n")
    tell(program, "bundle", "pack", "--list", folder / "list.yaml", "--from", folder, "--version", "12", "--out", wanted)


def network_manager_files(system):
    """What the package network-manager brought, but for folders, and links to folders."""
    listed = set(system.extractfile("./var/lib/dpkg/info/network-manager.list").read().decode().split())
    folders = {str(parent) for path in listed for parent in Path(path).parents}
    return {path.replace("/lib/", "/usr/lib/", 1) if path.startswith("/lib/") else path for path in listed - folders}


def tell(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}\nended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
