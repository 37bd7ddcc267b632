"""Claims about power cuts: wherever the plug is pulled, the next boot ends in a good state.

A moment is a number of writes to the disk after the owner's answer: the guest's disk stops there, QEMU is killed, and of what was written and not
flushed each block is kept or lost by a coin. The seed is printed; LEASEBACK_CUT_SEED repeats a run, LEASEBACK_CUTS says how many
(two each, so that the suite stays short; 5 make ten moments in all).
"""
import os
import random
from concurrent.futures import ThreadPoolExecutor

from checks import check
from claims_lease import LETTER, answer, booted, is_leased, is_released, judge, machine_in, nothing_of_ours, table_of
from stage import boot_again
from works import until

CUTS = int(os.environ.get("LEASEBACK_CUTS", "2"))
AT_ONCE = 2  # guests; after a cut they boot with one processor each


def cuts_of_first_activation(stage):
    """Power is cut at random moments of the first activation: afterwards the machine is leased, with its partition open, or still asks."""
    cut_everywhere(stage, "activation", 1, becomes_leased)


def cuts_of_release(stage):
    """Power is cut at random moments of a release: afterwards the disk is given back, whole, and nothing of ours is left."""
    cut_everywhere(stage, "release", 2, becomes_released)


def cut_everywhere(stage, name, choice, outcome):
    seed = int(os.environ.get("LEASEBACK_CUT_SEED", random.SystemRandom().randrange(10**6)))
    writes = count_writes(stage, name, choice)
    chance = random.Random(seed)
    moments = sorted(chance.randrange(1, writes + 1) for _ in range(CUTS))
    print(f"  seed {seed}: an uncut {name} has {writes} writes; cuts at {moments}", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for told in pool.map(lambda moment: one_cut(stage, f"{name}-{moment}", choice, moment, seed, outcome), moments):
            check(told, True)


def count_writes(stage, name, choice):
    """Of one that is not cut, from the answer to its end."""
    with stage.restored(f"{name}-uncut") as (guest, works):
        before = guest.disk.writes
        answer(guest, choice)
        (is_leased if choice == 1 else is_released)(guest, works)
        return guest.disk.writes - before


def one_cut(stage, name, choice, moment, seed, outcome):
    with stage.restored(name) as (guest, works):
        guest.shell.run(f"mkdir -p /home/alice && echo '{LETTER}' > /home/alice/letter.txt && sync")
        stopped = guest.disk.stop_after(moment)
        answer(guest, choice, unless=stopped.is_set)
        # A run that happens to need fewer writes is cut at its end.
        until("the moment of the cut", lambda: (stopped.is_set() or machine_in(works)["state"] == ("leased" if choice == 1 else "released")))
        state = machine_in(works)["state"]
        guest.kill()
        doubtful, arrived = guest.disk.cut(f"{seed}/{moment}")
        with boot_again(guest, works.port, f"{name}-after", processors=1).start() as again:
            outcome(again, works)
            again.power_off()
        judge(again, stage.folder / name / "disk.img")
        return f"cut at write {moment} (controller: {state}; {arrived} of {doubtful} unflushed blocks arrived)"


def answered(guest, choice):
    """After a boot: what was answered holds, and else it is asked again."""
    if guest.shell.run("test -e /var/lib/leaseback/device.key -a ! -e /var/lib/leaseback/owner/consent.dsse && echo asks", expect=None) == "asks":
        answer(guest, choice)


def becomes_leased(guest, works):
    booted(guest)
    answered(guest, 1)
    is_leased(guest, works)


def becomes_released(guest, works):
    booted(guest)
    answered(guest, 2)
    is_released(guest, works)
    nothing_of_ours(guest.shell)
    check("the lease partition is gone", "LEASE" not in [partition["name"] for partition in table_of(guest.shell)])
    check("the owner's letter is as it was", guest.shell.run("cat /home/alice/letter.txt") == LETTER)
