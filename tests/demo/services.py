"""Steps 6 to 9: an object is stored, a job is run, staff look around, a lease ends."""
import json
import random
import shutil
import signal
import time
from collections import Counter

from cast import LEASING, SOURCES
from fleet import check_filesystem, find_receipt, keep_receipt
from factory import tool


def connect_client(story, cast):
    public = story.folder / "acme.pub"
    public.write_text(cast.client("client", "init"))
    card = story.folder / "acme"
    cast.staff_command("party", "add", "acme", "--name", "Acme Rendering", "--key", public, "--out", card, "--spending-limit", "100 USD")
    cast.client("client", "connect", "--controller", cast.url, "--certificate", card / "certificate.pem", "--authority", card / "authority.pem")


def holders(cast, shards=None):
    """Who holds a shard of ours now: name -> machine facts."""
    found = {}
    for name in LEASING:
        facts = cast.machine_facts(name)
        if facts["shards"] > 0:
            found[name] = facts
    return found


def object_state(cast, name):
    return cast.client_json("object", "show", name)["state"]


def store_object(story, cast):
    story.begin("object", "A client stores a file: sealed, cut 2 of 3, each shard with another customer")
    connect_client(story, cast)
    content = random.Random(7).randbytes(3 << 20) + b"A sentence that nobody but the client may read. " * 40_000
    original = story.folder / "holiday-film.bin"
    original.write_bytes(content)
    cast.client("object", "put", original, "--name", "holiday-film", "--wait", show=True)
    story.check("it is stored on leased machines", object_state(cast, "holiday-film") == "stored")
    first = holders(cast)
    story.check("its three shards lie with three customers", len(first) == 3 and all(facts["shards"] == 1 for facts in first.values()), str(list(first)))
    story.figure("bytes", len(content))
    for name in first:
        lying = b"".join(path.read_bytes() for path in sorted(cast.machines[name].vault.rglob("*")) if path.is_file())
        story.check(f"what lies on {name}'s machine holds no plaintext", b"A sentence that nobody" not in lying and content[4096:4128] not in lying and b"holiday-film" not in lying)
    lost = next(iter(first))
    fourth = next(name for name in LEASING if name not in first)
    story.tell(f"   {lost.capitalize()}'s machine is switched off.")
    story.stop(lost)
    read_back(story, cast, original, "with one machine off, `object get` returns the same bytes")
    cast.staff_command("machine", "give-up", cast.machines[lost].serial, "--confirm", cast.machines[lost].serial, "--reason", "owner says it was stolen")
    story.until("the shard to be rebuilt", lambda: cast.machine_facts(fourth)["shards"] == 1 and object_state(cast, "holiday-film") == "stored", seconds=60)
    story.check(f"the machine is given up: its shard is rebuilt on {fourth}'s, without the client's key", True)
    story.tell(f"   {lost.capitalize()}'s machine comes back.")
    cast.start_agent(lost)
    story.until("what it holds to be freed", lambda: status_of(story, cast, lost)["shards_held"] == 0, seconds=60)
    story.check("what it still held is stale, and is freed", cast.machine_facts(lost)["shards"] == 0)
    story.end()


def status_of(story, cast, name):
    machine = cast.machines[name]
    return json.loads(story.run("leaseback-agent", "status", "--state", machine.state, "--settings", machine.settings, "--json", tell=False))


def read_back(story, cast, original, claim):
    back = story.folder / "read-back.bin"
    back.unlink(missing_ok=True)
    cast.client("object", "get", "holiday-film", "--out", back)
    story.check(claim, back.read_bytes() == original.read_bytes())
    back.unlink()


def tasks_done(cast, job):
    return cast.client_json("job", "show", job)["tasks"]["done"]


def run_job(story, cast):
    story.begin("job", "A client renders a picture in 240 tiles on four machines, in sandboxes, in the leased hours only")
    job_file = SOURCES / "agent/runtime/examples/mandelbrot/job.yaml"
    submitted = json.loads(cast.client("job", "submit", job_file, "--files", story.programs, "--json"))
    job = str(submitted["job"])
    time.sleep(1.5)
    story.check("outside the leased hours nothing runs", tasks_done(cast, job) == 0)
    cast.set_clock("2026-12-02T06:05:00Z", "five past midnight in Chicago, five past eleven in Denver: the leased hours; a minute passes each second", rate=60)
    story.until("the first tiles", lambda: tasks_done(cast, job) >= 20, seconds=90)
    running = max(LEASING, key=lambda name: cast.machine_facts(name)["running"])
    story.tell(f"   {running.capitalize()}'s agent is killed in the middle (kill -9), and started again.")
    story.stop(running, signal.SIGKILL)
    cast.start_agent(running)
    waited = cast.client("job", "wait", job, "--wait-max", "5m", show=True, timeout=400)
    story.check("all 240 tasks are done", tasks_done(cast, job) == 240, waited)
    cast.set_clock("2026-12-02T08:00:00Z", "later that night")
    tiles = story.folder / "tiles"
    cast.client("job", "results", job, "--into", tiles)
    picture = story.folder / "pictures" / "mandelbrot.png"
    story.run("mandelbrot_assemble", tiles, picture)
    story.check("the tiles make a PNG picture", picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and picture.stat().st_size > 50_000)
    copies_are_checked(story, cast, job)
    story.figure("tasks", 240)
    story.figure("picture_bytes", picture.stat().st_size)
    story.end()
    cast.job = job


def copies_are_checked(story, cast, job):
    """Every result was computed by two machines that agree."""
    tasks = cast.client_json("job", "show", job, "--tasks")["task_list"]
    good = 0
    machines = set()
    for task in tasks:
        agreeing = {copy["machine"] for copy in task["copies"] if copy["outcome"] == "accepted" and copy["digest"] == task["result_digest"]}
        good += len(agreeing) >= 2
        machines |= agreeing
    story.check("each result was checked by a second copy on another machine", good == 240 == len(tasks), f"{good} of {len(tasks)}")
    story.check("all four machines took part", len(machines) == 4, str(machines))


def look_around(story, cast):
    story.begin("money", "Staff look around, and everybody's account is computed")
    story.until("the work to be settled", lambda: all(cast.machine_facts(name)["earned"]["minor"] != 0 for name in LEASING), seconds=60)
    cast.staff_command("machine", "list", show=True)
    cast.staff_command("machine", "show", cast.machines["alice"].serial, show=True)
    agreement = cast.machine_facts("alice")["agreement"]
    cast.staff_command("agreement", "show", agreement, show=True)
    parties = ["acme"] + LEASING
    totals = {}
    for party in parties:
        text = cast.staff_command("ledger", "statement", party, show=party in ("acme", "alice"), tell=party in ("acme", "alice"))
        (story.folder / "statements" / f"{party}.txt").write_text(text)
        totals[party] = cast.staff_json("ledger", "statement", party)["total"]["minor"]
    story.check("the client owes money", totals["acme"] > 0, str(totals))
    story.check("every owner has earned money", all(totals[name] < 0 for name in LEASING), str(totals))
    recompute(story, cast)
    nothing_is_billed_twice(story, cast)
    story.figure("cents", totals)
    story.end()


def recompute(story, cast):
    entries = cast.staff_json("ledger", "entries")["entries"]
    example = next(e for e in entries if e["measurement"]["kind"].startswith("cluster"))
    cast.staff_command("ledger", "explain", str(example["number"]), show=True)
    agreeing = sum(cast.staff_json("ledger", "explain", str(entry["number"]))["explanation"]["agrees"] for entry in entries)
    story.check(f"all {len(entries)} lines follow from a named measurement and rule", agreeing == len(entries) and all(entry["rule"] for entry in entries))
    sums = {}
    for entry in entries:
        for posting in entry["postings"]:
            money = posting["amount"]
            sums[money["currency"]] = sums.get(money["currency"], 0) + money["minor"]
    verified = cast.staff_json("ledger", "verify")
    story.check("the journal balances to zero and its chain is intact", all(total == 0 for total in sums.values()) and verified["balanced"] and verified["chain"] == "intact")
    journal = story.folder / "statements" / "leaseback.journal"
    cast.staff_command("ledger", "export", "--out", journal, show=False)
    for name, judge in (("ledger", ["ledger", "--args-only", "-f", journal, "balance"]), ("hledger", ["env", "LC_ALL=C.UTF-8", "hledger", "-f", journal, "check"])):
        if shutil.which(name):
            said = tool(*judge)
            story.check(f"{name} reads the exported journal and finds it balanced", said.returncode == 0, said.stdout + said.stderr)
    story.figure("entries", len(entries))


def nothing_is_billed_twice(story, cast):
    entries = cast.staff_json("ledger", "entries")["entries"]
    keys = [entry["natural_key"] for entry in entries]
    story.check("nothing is booked twice, although an agent was killed in the middle", len(keys) == len(set(keys)))
    tasks = cast.client_json("job", "show", cast.job, "--tasks")["task_list"]
    done = Counter(copy["machine"] for task in tasks for copy in task["copies"] if copy["outcome"] == "accepted")
    story.check("two copies of each task count, and no more", sum(done.values()) == 480, str(done))
    for machine, copies in done.items():
        paid_once(story, machine, copies, [entry for entry in entries if entry["natural_key"].startswith(f"work:{machine}:")])


def paid_once(story, machine, copies, entries):
    """Each entry pays from where the one before ended; what is worth less than a cent waits for the next."""
    booked, cents = 0, 0
    for entry in entries:
        quantities = entry["measurement"]["quantities"]
        story.check(f"the pay of {machine[:12]} goes on after copy {booked}", quantities["copies_before"] == booked, str(quantities))
        booked = quantities["copies_after"]
        cents += max(posting["amount"]["minor"] for posting in entry["postings"])
    waiting = (copies - booked) * cents / max(booked, 1)
    story.check(f"its {copies} copies are paid for, but for less than a cent", booked <= copies and waiting < 1, f"{booked} booked for {cents} cents")


def end_a_lease(story, cast):
    story.begin("end-of-term", "A term comes to its end: one owner declines the renewal")
    original = story.folder / "holiday-film.bin"
    cast.set_clock("2027-11-15T12:00:00Z", "two weeks before the end of the term")
    for name in LEASING:
        offer = story.until(f"the renewal offer to reach {name}", lambda: status_of(story, cast, name)["renewal_offer"], seconds=60)
        if name == "bob":
            story.show(offer, lines=12)
        offered = cast.staff_json("agreement", "show", cast.machine_facts(name)["agreement"])["renewal"]["offer"]
        cast.at_machine(name, "renewal", cast.machines[name].renewal, offered, tell=name == "bob")
    agreement = cast.machine_facts("bob")["agreement"]
    story.until("the renewal offer to be answered", lambda: cast.staff_json("agreement", "show", agreement).get("renewal", {}).get("state") == "declined", seconds=60)
    story.check("a renewal offer goes out, and Bob declines it", True)
    story.until("the others to accept", lambda: all(cast.staff_json("agreement", "show", cast.machine_facts(name)["agreement"]).get("renewal", {}).get("state") == "accepted"
                                                     for name in LEASING if name != "bob"), seconds=60)
    story.check("the others accept theirs", True)
    cast.set_clock("2027-12-03T12:00:00Z", "after the end of the term")
    story.until("Bob's machine to be drained and released", lambda: cast.machine_facts("bob")["state"] == "released", seconds=90)
    facts = cast.machine_facts("bob")
    story.check("the machine was drained: it holds nothing", facts["shards"] == 0)
    story.until("Bob's agent to end by itself", lambda: story.daemons["bob"].poll() is not None)
    story.check("its agent has ended by itself", story.stop("bob") == 0)
    bob = cast.machines["bob"]
    table = json.loads(tool("sfdisk", "--json", bob.disk).stdout)["partitiontable"]
    story.check("its space is given back", len(table["partitions"]) == 3)
    receipt = find_receipt(bob)
    story.check("with a signed receipt", receipt.get("kind") == "released" and receipt["freed"] > 0, str(receipt))
    keep_receipt(story, bob)
    story.until("the object to be whole again", lambda: object_state(cast, "holiday-film") == "stored", seconds=60)
    read_back(story, cast, original, "the stored file still reads")
    states = sorted(m["state"] for m in cast.staff_json("machine", "list")["machines"])
    story.check("three go on, two are released", states == ["leased"] * 3 + ["released"] * 2, str(states))
    cast.staff_command("agreement", "list", show=True)
    story.end()
