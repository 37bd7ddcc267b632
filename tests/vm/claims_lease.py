"""Claims about the lease partition on the living machine: hidden, opened for the agent alone, and given back at once when the owner declines."""
import json
import struct
import subprocess
import uuid

from checks import check
from claims_first_boot import ASKED
from stage import boot_again, ready
from works import until

LETTER = "Dear diary, today I bought a computer."
PROVISION = "/usr/lib/leaseback/leaseback-provision"


def answer(guest, number, unless=lambda: False):
    """At the console, as the owner. `unless`: gives up when that holds."""
    if ASKED not in guest.console.text:  # it asked before the machine was saved
        guest.console.send("\n")
    for asked, said in ((ASKED, number), ("Type your name", "Alice")):
        if guest.console.wait_for(asked, unless=unless) is None:
            return
        guest.console.send(f"{said}\n")
    guest.console.wait_for("Recorded", unless=unless)


def machine_in(works):
    return works.staff("machine", "list")["machines"][0]


def is_leased(guest, works):
    """Waits until the controller and the machine agree that it is, and its lease partition is open where only the agent sees it."""
    until("the machine to be leased", lambda: machine_in(works)["state"] == "leased")
    partition_is_open(guest)


def in_the_agents_view(command):
    return f"nsenter --mount --target $(systemctl show --property=MainPID --value leaseback-agent.service) {command}"


def is_released(guest, works):
    until("the machine to be released", lambda: machine_in(works)["state"] == "released")
    guest.shell.until("the agent to leave", "test ! -e /usr/lib/tmpfiles.d/leaseback.conf -a ! -e /usr/lib/leaseback")


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


def accepted_is_leased(stage):
    """Accepted: enrolled, the lease partition opened, its filesystem made and mounted where only the agent sees it. The next boots open it by the TPM, without
    the controller; when a firmware update changed the boot state, the controller's key does, once."""
    with stage.restored("accepted") as (guest, works):
        answer(guest, 1)
        is_leased(guest, works)
        check("the controller shows it as leased", machine_in(works)["state"] == "leased")
        partition_is_the_agents_alone(guest)
        check("the key is now sealed to the TPM", lease_status(guest)["tpm_opens"])
        guest.power_off()
        works.close()
        with boot_again(guest, guest.controller_port, "offline").start() as again:
            booted(again)
            partition_is_open(again)
            check("without the controller, the TPM opened it", lease_status(again)["tpm_opens"])
            partition_is_the_agents_alone(again)
            change_boot_state(again.shell)
            again.power_off()
        works.open(stage.folder / "accepted" / "controller.log")
        with boot_again(guest, works.port, "updated").start() as updated:
            booted(updated)
            partition_is_open(updated)
            said = updated.shell.run("journalctl --unit leaseback-agent --no-pager --output cat")
            check("after the firmware changed, the TPM refuses, and the controller's key opens it", "controller" in said, said)
            check("it is sealed anew", lease_status(updated)["tpm_opens"])
            updated.power_off()
        works.close()
        with boot_again(guest, guest.controller_port, "again").start() as last:
            booted(last)
            partition_is_open(last)
            check("and the TPM opens it again", lease_status(last)["tpm_opens"])
            last.power_off()
        judge(guest, stage.folder / "accepted" / "disk.img")


def partition_is_open(guest):
    guest.shell.until("the lease partition to be open", in_the_agents_view("findmnt --noheadings /var/lib/leaseback/vault"))


def partition_is_the_agents_alone(guest):
    shell = guest.shell
    seen = shell.run(in_the_agents_view("findmnt --noheadings --output SOURCE,FSTYPE,OPTIONS /var/lib/leaseback/vault"))
    check("the agent sees an ext4 without devices, set-user-id and programs", all(word in seen for word in ("ext4", "nodev", "nosuid", "noexec")), seen)
    check("nobody else does", "/var/lib/leaseback/vault" not in shell.run("cat /proc/1/mountinfo") and shell.run("ls -A /var/lib/leaseback/vault", expect=None).find("lost+found") < 0)
    sealed = json.loads(shell.run("lsblk --json --output NAME,TYPE,MOUNTPOINTS /dev/vda4"))["blockdevices"][0]
    check("it is an opened LUKS partition", [child["type"] for child in sealed.get("children", [])] == ["crypt"], str(sealed))


def lease_status(guest):
    return json.loads(guest.shell.run(f"{PROVISION} lease status --json"))


def change_boot_state(shell):
    """What a firmware update may do to PCR 7: one more entry in the list of what Secure Boot forbids (dbx). UEFI 2.10, 8.2.6 and 32.4.1: a time stamp, an empty
    signature, which firmware without a platform key takes, and a list with one SHA-256."""
    def guid(text):
        return uuid.UUID(text).bytes_le
    attributes = struct.pack("<I", 0x27)  # kept, at boot and run time, with a time stamp
    stamp = struct.pack("<HBBBBBxIhBx", 2026, 11, 21, 0, 0, 0, 0, 0, 0)
    signature = struct.pack("<IHH", 24, 0x0200, 0x0EF1) + guid("4aafd29d-68df-49ee-8aa9-347d375665a7")
    forbidden = guid("c1c41626-504c-4092-aca9-41f936934328") + struct.pack("<III", 76, 0, 48) + guid("77fa9abd-0359-4d32-bd60-28f4e78f784b") + bytes(range(32))
    text = "".join(f"\\x{byte:02x}" for byte in attributes + stamp + signature + forbidden)
    # In one write, as efivarfs wants it.
    shell.run(f"printf '{text}' | dd of=/sys/firmware/efi/efivars/dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f bs=4096 iflag=fullblock status=none")


def is_released_in_use(stage):
    """An operator gives the disk back on the machine that runs from it: keys destroyed, partition gone, the owner's mounted filesystem grown, nothing lost."""
    with stage.restored("in-use", with_controller=False) as (guest, _):
        release_in_use(guest)
        guest.power_off()
        judge(guest, stage.folder / "in-use" / "disk.img")


def release_in_use(guest):
    shell = guest.shell
    shell.run(f"mkdir /home/alice && echo '{LETTER}' > /home/alice/letter.txt && sync")
    before = {partition["name"]: partition for partition in table_of(shell)}
    size_before = int(shell.run("df --output=size -B1 /home | tail -1"))
    release = (f"systemd-run --quiet --wait --pipe --collect {PROVISION} disk release PARTUUID={before['system']['uuid']} --in-use --operator 'Olga Ortiz' "
               "--station /var/lib/leaseback-release --json")
    said = shell.run(release)
    receipt = json.loads(said[said.index("{"):])
    check("the keys are destroyed and the space is given back", receipt["outcome"] == "released" and receipt["key_slots_destroyed"], said)
    neighbour_has_grown(shell, before, size_before)
    check("the owner's letter is as it was", shell.run("cat /home/alice/letter.txt") == LETTER)
    again = shell.run(release)
    check("asked again, it changes nothing", '"no-changes"' in again, again)
    check("the agent stays until its release is reported", "nothing was removed" in shell.run(f"{PROVISION} machine leave") and "agent.yaml" in shell.run("ls /etc/leaseback"))


def neighbour_has_grown(shell, before, size_before):
    after = {partition["name"]: partition for partition in table_of(shell)}
    check("the partition is gone from the table and from the kernel", "LEASE" not in after and "vda4" not in shell.run("cat /proc/partitions"), str(after))
    old, new = before["customer"], after["customer"]
    check("its neighbour has its space, and begins where it began", new["start"] == old["start"] and new["size"] >= old["size"] + before["LEASE"]["size"], str(after))
    size_after = int(shell.run("df --output=size -B1 /home | tail -1"))
    check("the owner's filesystem grew while it was in use", size_after > size_before + 900 * 10**6, f"{size_before} {size_after}")


def declined_is_released(stage):
    """Declined: the partition is gone at once, the owner's filesystem grew over it while in use, the agent is gone, and the machine boots as before."""
    with stage.restored("declined") as (guest, works):
        shell = guest.shell
        shell.run(f"mkdir /home/alice && echo '{LETTER}' > /home/alice/letter.txt && sync")
        before = {partition["name"]: partition for partition in table_of(shell)}
        size_before = int(shell.run("df --output=size -B1 /home | tail -1"))
        answer(guest, 2)
        is_released(guest, works)
        check("the controller knows it as released, and never as leased", "leased" not in [step["state"] for step in works.staff("machine", "show", machine_in(works)["machine"])["history"]])
        neighbour_has_grown(shell, before, size_before)
        check("the owner's letter is as it was", shell.run("cat /home/alice/letter.txt") == LETTER)
        nothing_of_ours(shell)
        papers = shell.run("ls /var/lib/leaseback-release/owner")
        check("the owner keeps consent and receipt", "consent.dsse" in papers and "receipt.dsse" in papers, papers)
        guest.power_off()
        with boot_again(guest, works.port, "after").start() as again:
            booted(again)
            check("the owner's letter is there", again.shell.run("cat /home/alice/letter.txt") == LETTER)
            nothing_of_ours(again.shell)
            again.power_off()
        judge(guest, stage.folder / "declined" / "disk.img")


def booted(guest):
    """Waits for a boot to be finished, and sees that it is a good one."""
    ready(guest)
    guest.shell.until("the boot to be finished", "systemctl is-system-running | grep -E 'running|degraded'")
    failed = guest.shell.run("systemctl --failed --no-legend --plain")
    check("the machine boots, and no unit failed", failed == "", failed)


def table_of(shell):
    return json.loads(shell.run("sfdisk --json /dev/vda"))["partitiontable"]["partitions"]


def nothing_of_ours(shell):
    """But the papers of the release, which are the owner's."""
    left = shell.run("ls -d /usr/lib/leaseback /etc/leaseback /var/lib/leaseback /usr/lib/systemd/system/*leaseback* /etc/systemd/system/*.wants/*leaseback* "
                     "/usr/lib/udev/rules.d/*leaseback* /usr/lib/tmpfiles.d/*leaseback* 2>/dev/null", expect=None)
    check("nothing of ours is left", left == "", left)
    # The last of them is the one that removed the files.
    shell.until("our last process to end", "! ls -l /proc/[0-9]*/exe 2>/dev/null | grep -q /leaseback-")


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
