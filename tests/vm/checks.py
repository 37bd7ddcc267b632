"""Claims are asserted one by one and told as they hold."""
import json


class ClaimFailed(Exception):
    """What was claimed is not so."""


def check(claim, holds, detail=""):
    print(f"  {'holds' if holds else 'FAILS'}: {claim}", flush=True)
    if not holds:
        raise ClaimFailed(f"{claim}\n{detail}")


def status_of(guest):
    """What the agent says of itself."""
    return json.loads(guest.shell.run("cat /var/lib/leaseback/status.json"))


def state_of(guest):
    return status_of(guest)["state"]
