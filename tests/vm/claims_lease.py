"""Claims about the lease partition on the living machine: hidden, opened for the agent alone, and given back at once when the owner declines."""
import json
import subprocess

from checks import check
from claims_first_boot import ASKED
from stage import boot_again, ready
from works import until

LETTER = "Dear diary, today I bought a computer."
PARTITION = "/dev/vda4"


def answer(guest, number):
    """At the console, as the owner."""
    if guest.console.mark == 0:  # it asked before the machine was saved
        guest.console.send("\n")
        guest.console.wait_for(ASKED)
    guest.console.send(f"{number}\n")
    guest.console.wait_for("Type your name")
    guest.console.send("Alice\n")
    guest.console.wait_for("Recorded")


def machine_in(works):
    return works.staff("machine", "list")["machines"][0]


def is_hidden(stage):
    """Desktops are told to ignore the lease partition; nothing of it is mounted."""
    with stage.restored("hidden", with_controller=False) as (guest, _):
        shell = guest.shell
        for partition, ignored in (("vda4", "true"), ("vda3", "false")):
            said = shell.run(f"busctl get-property org.freedesktop.UDisks2 /org/freedesktop/UDisks2/block_devices/{partition} org.freedesktop.UDisks2.Block HintIgnore")
            check(f"udisks says HintIgnore: {ignored} of {partition}", said == f"b {ignored}", said)
        blocks = {b["name"]: b for b in json.loads(shell.run("lsblk --json --output NAME,PARTLABEL,FSTYPE,MOUNTPOINTS,PARTTYPE --list"))["blockdevices"]}
        lease = blocks["vda4"]
        check("lsblk shows it, named LEASE, sealed and mounted nowhere", lease["partlabel"] == "LEASE" and lease["fstype"] == "crypto_LUKS" and not any(lease["mountpoints"]), str(lease))
        check("the customer's partition is at /home", blocks["vda3"]["mountpoints"] == ["/home"], str(blocks["vda3"]))


def declined_is_released(stage):
    """Declined: the partition is gone at once, the owner's filesystem grew over it while in use, the agent is gone, and the machine boots as before."""
    with stage.restored("declined") as (guest, works):
        shell = guest.shell
        shell.run(f"mkdir /home/alice && echo '{LETTER}' > /home/alice/letter.txt && sync")
        before = table_of(shell)
        size_before = int(shell.run("df --output=size -B1 /home | tail -1"))
        answer(guest, 2)
        until("the machine to be released", lambda: machine_in(works)["state"] == "released")
        check("the controller knows it as released, and never as leased", "leased" not in [step["state"] for step in works.staff("machine", "show", machine_in(works)["machine"])["history"]])
        after = table_of(shell)
        check("the partition is gone from the table and from the kernel", "LEASE" not in [p["name"] for p in after] and "vda4" not in shell.run("cat /proc/partitions"), str(after))
        customer = {p["name"]: p for p in after}["customer"]
        old = {p["name"]: p for p in before}["customer"]
        check("its neighbour has its space, and begins where it began", customer["start"] == old["start"] and customer["size"] >= old["size"] + {p["name"]: p for p in before}["LEASE"]["size"], str(after))
        size_after = int(shell.run("df --output=size -B1 /home | tail -1"))
        check("the owner's filesystem grew while it was in use", size_after > size_before + 900 * 10**6, f"{size_before} {size_after}")
        check("the owner's letter is as it was", shell.run("cat /home/alice/letter.txt") == LETTER)
        shell.until("the agent to end", "! systemctl is-active --quiet leaseback-agent.service")
        nothing_of_ours(shell)
        guest.power_off()
        with boot_again(guest, works.port, "after").start() as again:
            ready(again)
            again.shell.until("the boot to be finished", "systemctl is-system-running | grep -E 'running|degraded'")
            check("the machine boots, and no unit failed", again.shell.run("systemctl --failed --no-legend --plain") == "")
            check("the owner's letter is there", again.shell.run("cat /home/alice/letter.txt") == LETTER)
            nothing_of_ours(again.shell)
            again.power_off()
        judge(guest, stage.folder / "declined" / "disk.img")


def table_of(shell):
    return json.loads(shell.run("sfdisk --json /dev/vda"))["partitiontable"]["partitions"]


def nothing_of_ours(shell):
    left = shell.run("ls -d /usr/lib/leaseback /etc/leaseback /var/lib/leaseback /usr/lib/systemd/system/*leaseback* /etc/systemd/system/*.wants/*leaseback* "
                     "/usr/lib/udev/rules.d/*leaseback* 2>/dev/null", expect=None)
    check("nothing of ours is left", left == "", left)
    check("no process of ours runs", shell.run("ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c /leaseback-", expect=None) == "0")


def judge(guest, path):
    """Other people's tools look at the disk of a guest that is off."""
    guest.disk.save(path)
    said = subprocess.run(["sgdisk", "-v", str(path)], capture_output=True, text=True).stdout
    check("sgdisk -v finds no problem", "No problems found" in said, said)
    for entry in json.loads(subprocess.run(["sfdisk", "--json", str(path)], capture_output=True, text=True, check=True).stdout)["partitiontable"]["partitions"]:
        if entry["name"] in ("system", "customer"):
            said = subprocess.run(["e2fsck", "-fn", f"{path}?offset={entry['start'] * 512}"], capture_output=True, text=True)
            check(f"e2fsck finds the filesystem of {entry['name']} clean", said.returncode == 0, said.stdout + said.stderr)
    path.unlink()
