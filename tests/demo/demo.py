#!/usr/bin/env python3
"""The main job of Leaseback, told as a story and asserted step by step: `make demo`.

Five orders become disks, five machines boot, four lease, a client stores and computes, a lease ends. Everything is done by the
shipped programs; everything that is started is stopped. Leaves a folder to explore, with summary.json.
"""
import argparse
import shutil
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import factory  # noqa: E402
import fleet  # noqa: E402
import services  # noqa: E402
from cast import Cast  # noqa: E402
from story import Failed, Story  # noqa: E402

STEPS = [factory.quote_orders, factory.make_keys_and_bundle, factory.build_disks, fleet.start_controller, fleet.boot_machines,
         services.store_object, services.run_job, services.look_around, services.end_a_lease]


def prepare(folder):
    mark = folder / ".leaseback-demo"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        sys.exit(f"{folder} is not empty and was not made by this demo; name another with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("logs", "pictures", "receipts", "statements", "disks", "machines"):
        (folder / part).mkdir(parents=True)
    mark.touch()


def farewell(story):
    programs, folder = story.programs, story.folder
    story.begin("explore", "What is left to look at")
    story.tell(f"   {folder}")
    for part, what in (("pictures/mandelbrot.png", "what the fleet computed"), ("disks/", "five disk images"), ("receipts/", "what was built and given back"),
                       ("statements/", "what everybody owes and earns"), ("machines/", "each machine's state and vault"), ("summary.json", "each step with its figures")):
        story.tell(f"     {part:26} {what}")
    story.tell("   To go on by hand:")
    for line in (f"{programs}/leaseback-provision disk show {folder}/disks/alice.img",
                 f"{programs}/leaseback-policy order quote provision/order/examples/home-alice.yaml",
                 f"{programs}/leaseback-fleetd run --folder {folder}/controller --listen 127.0.0.1:0 --clock {folder}/clock &",
                 f"{programs}/leaseback-fleet machine list --home {folder}/controller/staff --clock {folder}/clock",
                 f"{programs}/leaseback-fleet ledger explain 1 --home {folder}/controller/staff --clock {folder}/clock"):
        story.tell(f"     $ {line}")
    story.stop_all()
    story.check("everything that was started is stopped", not story.daemons)
    story.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", required=True, help="folder of the built programs")
    parser.add_argument("--folder", required=True, help="what to leave behind; made anew")
    parser.add_argument("--quiet", action="store_true", help="say nothing but the problem")
    arguments = parser.parse_args()
    folder = Path(arguments.folder).resolve()
    prepare(folder)
    story = Story(arguments.programs, folder, arguments.quiet)
    cast = Cast(story)
    problem = None
    try:
        for step in STEPS:
            step(story, cast)
        farewell(story)
    except KeyboardInterrupt:
        problem = "interrupted"
    except Exception as failure:  # whatever it is: what was started is stopped, and the summary is written
        problem = str(failure) if isinstance(failure, Failed) else traceback.format_exc()
    finally:
        story.stop_all()
        story.write_summary(problem)
    if problem:
        print(f"\nThe demo stopped: {problem}\nLogs are in {folder}/logs", file=sys.stderr)
        return 1
    story.tell(f"\nAll steps hold. {folder}/summary.json has the figures.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
