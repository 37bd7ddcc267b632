"""Steps 4 and 5: the controller starts, machines boot, customers answer."""
import base64
import json
import signal
from pathlib import Path

from cast import LEASING, SOURCES
from factory import tool


def payload_of(path):
    """What a signed statement (DSSE) says."""
    return json.loads(base64.b64decode(json.loads(Path(path).read_text())["payload"]))


def start_controller(story, cast):
    story.begin("controller", "A controller starts on an empty folder; the factory line and its vouchers are registered")
    story.check("its store is empty: there is none", not (cast.controller / "store.sqlite").exists())
    cast.start_controller()
    cast.staff_command("health", show=True)
    cast.staff_command("line", "register", "line-1", "--key", cast.station / "line.pem")
    built = sorted((cast.station / "vouchers").glob("*")) + sorted((cast.station / "receipts").glob("*")) + [m.order for m in cast.machines.values()]
    said = cast.staff_json("voucher", "import", *built)
    story.check("five vouchers are imported", said["imported"] == 5, str(said))
    said = cast.staff_json("voucher", "import", *built)
    story.check("importing them again changes nothing", said["imported"] == 0 and said["known"] == 5, str(said))
    for voucher in sorted((cast.station / "vouchers").glob("*")):
        facts = payload_of(voucher)
        machine = cast.machines[facts["owner"]]
        machine.id, machine.serial = facts["machine"], facts["serial"]
    story.end()


def extract(story, machine, inside, to):
    story.run("leaseback-provision", "disk", "extract", machine.disk, "--from", f"system:{inside}", "--to", to, tell=machine.name == "alice")


def unpack_machine(story, cast, machine):
    """What the machine finds on its own disk when it boots."""
    machine.folder.mkdir(parents=True, exist_ok=True)
    extract(story, machine, "/var/lib/leaseback", machine.state)
    extract(story, machine, "/etc/leaseback", machine.settings)
    settings = (machine.settings / "agent.yaml").read_text()
    settings = "\n".join(line for line in settings.split("\n") if not line.startswith(("release_command", "lease_command", "lease_close_command", "  - ", "poll_", "user"))) + "\n"
    release = [story.programs / "leaseback-provision", "disk", "release", machine.disk, "--station", machine.folder / "release", "--order", "{order}", "--controller-key",
               cast.controller / "signing.pub", "--key", machine.state / "device.key", "--clock", cast.clock]
    settings += "release_command:\n" + "".join(f"  - {json.dumps(str(word))}\n" for word in release)
    settings += "poll_first: 100ms\npoll_interval: 300ms\npoll_interval_max: 2s\n"
    (machine.settings / "agent.yaml").write_text(settings)


def boot_machines(story, cast):
    story.begin("first-boot", "Five machines boot; each customer is shown the terms and answers")
    cast.set_clock("2026-12-02T00:30:00Z", "evening in Chicago: nothing may run yet")
    add_owner_files(story, cast.machines["erin"])
    for machine in cast.machines.values():
        unpack_machine(story, cast, machine)
        cast.start_agent(machine.name)
    states = {m["owner"]: m["state"] for m in cast.staff_json("machine", "list")["machines"]}
    story.check("no answer yet means no lease: all five are only provisioned", set(states.values()) == {"provisioned"}, str(states))
    cast.at_machine("alice", "first-boot", "--clock", cast.clock, stdin="\n", expect=3, tell=False)
    story.check("Enter alone is no answer: nothing is recorded", not (cast.machines["alice"].state / "owner" / "consent.dsse").exists())
    for machine in cast.machines.values():
        first = machine.name == "alice"
        shown = cast.at_machine(machine.name, "first-boot", "--clock", cast.clock, stdin=f"{1 if machine.terms == 'accept' else 2}\n{machine.name.capitalize()}\n", tell=first)
        if first:
            story.show(shown, lines=60)
    story.until("four machines to be leased", lambda: sorted(m["owner"] for m in cast.staff_json("machine", "list")["machines"] if m["state"] == "leased") == sorted(LEASING))
    story.check("four accept: signed consent, enrolment by voucher and proof of key, certificate, mutual TLS from then on", True)
    for name in LEASING:
        owner_folder = cast.machines[name].state / "owner"
        signatures = json.loads((owner_folder / "consent-countersigned.dsse").read_text())["signatures"] if story.until(
            f"{name}'s countersigned copy", lambda: (owner_folder / "consent-countersigned.dsse").exists()) else []
        story.check(f"{name} keeps the consent, signed by machine and controller", len(signatures) == 2)
    declined(story, cast)
    story.figure("leased", len(LEASING))
    story.end()


def add_owner_files(story, machine):
    """Erin's own files, in her own partition, before she is asked anything."""
    table = json.loads(tool("sfdisk", "--json", machine.disk).stdout)["partitiontable"]
    customer = table["partitions"][2]
    where = f"{machine.disk}?offset={customer['start'] * 512}"
    letter = story.folder / "erins-letter.txt"
    letter.write_text("Dear diary, today I bought a computer.\n" * 1000)
    tool("debugfs", "-w", "-R", f"write {letter} letter.txt", where)
    tool("debugfs", "-w", "-R", f"write {SOURCES / 'README.md'} notes.md", where)
    machine.customer_before = customer
    listed = tool("debugfs", "-R", "ls -l /", where).stdout
    story.check("Erin has two files of her own on her disk", "letter.txt" in listed and "notes.md" in listed, listed)


def declined(story, cast):
    erin = cast.machines["erin"]
    story.until("Erin's machine to be released", lambda: cast.machine_facts("erin")["state"] == "released", seconds=60)
    story.check("one declines: her machine is released at once", True)
    story.until("Erin's agent to end by itself", lambda: story.daemons["erin"].poll() is not None)
    story.check("her agent has ended by itself", story.stop("erin", signal.SIGTERM) == 0)
    history = [step["state"] for step in cast.machine_facts("erin")["history"]]
    story.check("it never furnished anything", "leased" not in history and cast.machine_facts("erin")["shards"] == 0, str(history))
    table = json.loads(tool("sfdisk", "--json", erin.disk).stdout)["partitiontable"]
    customer = table["partitions"][2]
    story.check("the lease partition is deleted", len(table["partitions"]) == 3)
    story.check("the customer's partition has grown over it", customer["start"] == erin.customer_before["start"] and customer["size"] > erin.customer_before["size"])
    story.figure("returned_bytes", (customer["size"] - erin.customer_before["size"]) * 512)
    receipt = find_receipt(erin)
    story.check("a signed receipt says so, and that her files are unchanged", receipt["kind"] == "released" and receipt["freed"] > 0 and receipt["owner_files_before"] ==
                receipt["owner_files_after"] != "", str(receipt))
    where = f"{erin.disk}?offset={customer['start'] * 512}"
    back = story.folder / "erins-letter.back"
    tool("debugfs", "-R", f"dump letter.txt {back}", where)
    story.check("her letter reads as before", back.read_bytes() == (story.folder / "erins-letter.txt").read_bytes())
    check_filesystem(story, where)
    keep_receipt(story, erin)


def check_filesystem(story, where):
    said = tool("e2fsck", "-fn", where)
    story.check("e2fsck finds her filesystem clean", said.returncode == 0, said.stdout + said.stderr)


def receipts_of(machine):
    found = []
    for path in sorted(machine.folder.rglob("*")):
        if path.is_file() and path.suffix in (".dsse", ".json") and path.stat().st_size < 100_000:
            try:
                if "receipt" in json.loads(path.read_text()).get("payloadType", ""):
                    found.append(path)
            except (ValueError, AttributeError, UnicodeDecodeError):
                continue
    return found


def find_receipt(machine):
    released = [payload_of(path) for path in receipts_of(machine)]
    return next((receipt for receipt in released if receipt["kind"] == "released"), {})


def keep_receipt(story, machine):
    for path in receipts_of(machine):
        (story.folder / "receipts" / f"{machine.name}-released.dsse").write_bytes(path.read_bytes())
