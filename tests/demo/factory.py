"""Steps 1 to 3: orders are quoted, the agent's bundle is packed, disks are built and judged by other people's programs."""
import filecmp
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from cast import SOURCES

LEASE_TYPE = "7B1E9C4D-52A8-4F0B-9D63-1A3C8E5F2076"


def digest_of(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def quote_orders(story, cast):
    story.begin("quote", "The rules are checked, and five orders are quoted")
    story.run("leaseback-policy", "rules", "check")
    story.check("the shipped rules hold", True)
    story.run("leaseback-policy", "order", "quote", cast.machines["alice"].order, show=True)
    quotes = json.loads(story.run("leaseback-policy", "order", "quote", *[m.order for m in cast.machines.values()], "--json", tell=False))
    quotes = quotes["orders"]
    by_order = {quote["order"]: quote for quote in quotes}
    story.check("all five orders have a quote", len(quotes) == 5)
    alice = json.dumps(by_order["home-alice"])
    story.check("the home order: 40 GB and 1 GHz given for 20 GB and 750 MHz, 15 % off", all(word in alice for word in ("40000000000", "1000", "750", "15")))
    story.figure("orders", len(quotes))
    story.end()


def make_keys_and_bundle(story, cast):
    story.begin("bundle", "Keys are made, and the agent's bundle is packed twice to the same bytes, and signed")
    cast.set_clock("2026-12-01T15:00:00Z", "a working day at the factory")
    (story.folder / "keys").mkdir()
    story.run("leaseback-image", "key", "make", "--kind", "signing", "--out", cast.release_key)
    pack = ("bundle", "pack", "--list", SOURCES / "images/bundle/agent-bundle.yaml", "--from", story.programs, "--from", SOURCES, "--version", "0.1.0")
    story.run("leaseback-image", *pack, "--out", cast.bundle)
    again = story.folder / "again.bundle"
    story.run("leaseback-image", *pack, "--out", again, tell=False)
    story.check("the same inputs give the same bytes", filecmp.cmp(cast.bundle, again, shallow=False))
    again.unlink()
    story.run("leaseback-image", "bundle", "sign", cast.bundle, "--key", cast.release_key)
    story.run("leaseback-image", "bundle", "verify", cast.bundle, "--key", public_of(cast.release_key))
    story.check("the signature holds", True)
    story.figure("bundle_bytes", cast.bundle.stat().st_size)
    story.run("leaseback-fleetd", "init", "--folder", cast.controller, "--clock", cast.clock)
    story.end()


def public_of(key):
    return key.with_suffix(".pub")


def apply(story, cast, machine, **options):
    return story.run("leaseback-provision", "disk", "apply", machine.order, "--disk", machine.disk, "--station", cast.station, "--bundle", cast.bundle, "--bundle-key",
                     public_of(cast.release_key), "--controller", cast.url, "--authority", cast.controller / "authority.pem", "--controller-key",
                     cast.controller / "signing.pub", "--clock", cast.clock, "--create-image", **options)


def build_disks(story, cast):
    story.begin("disks", "Each order becomes a finished disk on a sparse image file")
    story.run("leaseback-provision", "line", "init", "--station", cast.station, "--line", "line-1")
    for machine in cast.machines.values():
        apply(story, cast, machine, tell=machine.name == "alice", show=machine.name == "alice")
    story.run("leaseback-provision", "disk", "show", cast.machines["alice"].disk, show=True)
    for machine in cast.machines.values():
        story.run("leaseback-provision", "disk", "verify", machine.order, "--disk", machine.disk, "--station", cast.station, "--bundle", cast.bundle, "--bundle-key",
                  public_of(cast.release_key), "--controller", cast.url, tell=False)
    story.check("`disk verify` reads every disk back and finds it as planned", True)
    judge(story, cast.machines["alice"].disk)
    second_run_changes_nothing(story, cast)
    cut_run_is_completed(story, cast)
    shutil.copytree(cast.station / "receipts", story.folder / "receipts", dirs_exist_ok=True)
    story.figure("disks", len(cast.machines))
    story.end()


def tool(*line):
    return subprocess.run([str(word) for word in line], capture_output=True, text=True)


def judge(story, disk):
    """Other people's programs look at the disk."""
    said = tool("sgdisk", "-v", disk)
    story.check("sgdisk -v finds no problem", said.returncode == 0 and "No problems found" in said.stdout, said.stdout)
    said = tool("sfdisk", "--verify", disk)
    story.check("sfdisk --verify agrees", said.returncode == 0, said.stdout + said.stderr)
    said = tool("parted", "-s", disk, "print")
    story.check("parted prints the table", said.returncode == 0 and "gpt" in said.stdout, said.stdout + said.stderr)
    said = tool("blkid", "-p", disk)
    story.check("blkid -p sees a GPT", 'PTTYPE="gpt"' in said.stdout, said.stdout + said.stderr)
    table = json.loads(tool("sfdisk", "--json", disk).stdout)["partitiontable"]
    lease = table["partitions"][-1]
    story.check("the lease partition is last, of our type, hidden and not mounted by itself (bits 62, 63)",
                lease["type"].upper() == LEASE_TYPE and "62" in lease["attrs"] and "63" in lease["attrs"], str(lease))
    with tempfile.NamedTemporaryFile(dir=disk.parent) as header:
        with open(disk, "rb") as whole:
            whole.seek(lease["start"] * table.get("sectorsize", 512))
            header.write(whole.read(16 << 20))
            header.flush()
        said = tool("cryptsetup", "luksDump", header.name)
    story.check("cryptsetup luksDump reads its LUKS2 header", said.returncode == 0 and re.search(r"Version:\s+2", said.stdout), said.stdout + said.stderr)


def second_run_changes_nothing(story, cast):
    machine = cast.machines["alice"]
    before = (machine.disk.stat().st_mtime_ns, machine.disk.stat().st_blocks)
    said = apply(story, cast, machine, tell=False)
    story.check('a second apply says "No changes." and writes nothing', "No changes." in said and before == (machine.disk.stat().st_mtime_ns, machine.disk.stat().st_blocks), said)


def cut_run_is_completed(story, cast):
    """One more copy of Bob's disk, killed again and again while it is built; the tests cut at every single write."""
    machine = cast.machines["bob"]
    finished = json.loads(tool("sfdisk", "--json", machine.disk).stdout)["partitiontable"]
    machine.disk.unlink()
    shutil.rmtree(cast.station / "runs" / "home-bob", ignore_errors=True)
    line = [str(story.programs / "leaseback-provision"), "disk", "apply", str(machine.order), "--disk", str(machine.disk), "--station", str(cast.station), "--bundle",
            str(cast.bundle), "--bundle-key", str(public_of(cast.release_key)), "--controller", cast.url, "--authority", str(cast.controller / "authority.pem"),
            "--controller-key", str(cast.controller / "signing.pub"), "--clock", str(cast.clock), "--create-image"]
    cuts = 0
    for milliseconds in (15, 40, 80, 130, 200, 300):
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            cuts += 1
    apply(story, cast, machine, tell=False)
    rebuilt = json.loads(tool("sfdisk", "--json", machine.disk).stdout)["partitiontable"]
    story.check(f"a run that was killed {cuts} times is completed by running it again, to the same table", cuts > 0 and rebuilt["partitions"] == finished["partitions"])
    story.figure("cuts", cuts)
