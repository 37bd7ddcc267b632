#!/usr/bin/env python3
"""Shows one claim about a real machine in a guest. Exit codes: 0 it holds, 1 it does not, 77 this machine cannot show it."""
import argparse
import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import claims_first_boot  # noqa: E402
import claims_lease  # noqa: E402
import claims_network  # noqa: E402
import claims_power  # noqa: E402
from stage import Skipped, Stage  # noqa: E402



def shell(stage):
    """A root shell in a restored guest: one command a line, until the end of the input."""
    with stage.restored("shell") as (guest, works):
        print(f"the controller is at https://127.0.0.1:{works.port}, its staff's home is {works.controller / 'staff'}")
        for command in sys.stdin:
            print(guest.shell.run(command.rstrip("\n"), expect=None), flush=True)


CLAIMS = {
    "boots-and-asks": claims_first_boot.boots_and_asks,
    "no-answer-is-no-lease": claims_first_boot.no_answer_is_no_lease,
    "presets-take-effect": claims_network.presets_take_effect,
    "presets-take-effect-with-network-manager": claims_network.presets_take_effect_with_network_manager,
    "is-hidden": claims_lease.is_hidden,
    "accepted-is-leased": claims_lease.accepted_is_leased,
    "is-released-in-use": claims_lease.is_released_in_use,
    "declined-is-released": claims_lease.declined_is_released,
    "cuts-of-first-activation": claims_power.cuts_of_first_activation,
    "cuts-of-release": claims_power.cuts_of_release,
    "shell": shell,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("claim", choices=sorted(CLAIMS))
    parser.add_argument("--programs", required=True, help="folder of the built programs")
    parser.add_argument("--folder", required=True, help="where guests and their logs are kept")
    parser.add_argument("--cache", required=True, help="where the guests' operating system is kept between runs")
    arguments = parser.parse_args()
    began = time.monotonic()
    claim = CLAIMS[arguments.claim]
    print(f"{arguments.claim}: {' '.join(claim.__doc__.split())}", flush=True)
    try:
        claim(Stage(arguments.programs, arguments.folder, arguments.cache))
    except Skipped as reason:
        print(f"skipped: {reason}")
        return 77
    except Exception:  # whatever it is: the guest is off by now, and its logs are there
        traceback.print_exc()
        print(f"Logs are below {arguments.folder}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
