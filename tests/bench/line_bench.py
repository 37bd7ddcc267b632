#!/usr/bin/env python3
"""Figures of a factory line, by hand: tests/bench/line_bench.py BUILD_FOLDER [DISKS]

1. The same disks (32, sparse images of 40 GB, with agent and presets, no operating-system image) by `leaseback-provision line run` with
   --jobs 1, 2 and 4: time, speed-up against one job, and the peak of the resident memory of the line's process and of all its
   children together, shared pages counted once (PSS), sampled ten times a second.
2. One disk by `disk apply`: median time from the start of the program to the receipt, of nine.

Ratios are of one run on one machine; run it when nothing else does.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sources = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(words, **more):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


def children_of(process):
    found = [process]
    for one in found:
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as file:
                    found += [int(word) for word in file.read().split()]
        except OSError:
            pass
    return found


def resident(process, key):
    total = 0
    for one in children_of(process):
        try:
            with open(f"/proc/{one}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(key))
        except OSError:
            pass
    return total / 1024


def build_station(folder, programs):
    # The shipped list names the built programs and the unit files of the sources.
    list_file = os.path.join(sources, "images/bundle/agent-bundle.yaml")
    run([f"{programs}/leaseback-image", "key", "make", "--out", f"{folder}/release.key"])
    run([f"{programs}/leaseback-image", "bundle", "pack", "--list", list_file, "--from", programs, "--from", sources, "--version", "1.0.0", "--out",
         f"{folder}/agent.bundle"])
    run([f"{programs}/leaseback-image", "bundle", "sign", f"{folder}/agent.bundle", "--key", f"{folder}/release.key"])


def write_orders(folder, count):
    with open(os.path.join(sources, "provision/order/examples/home-alice.yaml")) as file:
        example = file.read()
    os.makedirs(f"{folder}/orders", exist_ok=True)
    for i in range(count):
        with open(f"{folder}/orders/home-{i}.yaml", "w") as file:
            file.write(example.replace("order: home-alice", f"order: home-{i}").replace("LB-1001", f"LB-{3000 + i}"))


def line(folder, programs, jobs, count):
    shutil.rmtree(f"{folder}/st", ignore_errors=True)
    shutil.rmtree(f"{folder}/disks", ignore_errors=True)
    os.makedirs(f"{folder}/disks")
    for i in range(count):
        with open(f"{folder}/disks/LB-{3000 + i}.img", "wb") as file:
            file.truncate(40_000_000_000)
    run([f"{programs}/leaseback-provision", "line", "init", "--station", f"{folder}/st"])
    began = time.monotonic()
    child = subprocess.Popen(
        [f"{programs}/leaseback-provision", "line", "run", "--orders", f"{folder}/orders", "--disks", f"{folder}/disks/*", "--station", f"{folder}/st",
         "--bundle", f"{folder}/agent.bundle", "--bundle-key", f"{folder}/release.pub", "--jobs", str(jobs)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    peaks = {"own": 0.0, "all": 0.0}
    ended = threading.Event()

    def watch():
        while not ended.wait(0.1):
            peaks["all"] = max(peaks["all"], resident(child.pid, "Pss:"))
            try:
                with open(f"/proc/{child.pid}/status") as file:
                    peaks["own"] = max([peaks["own"]] + [int(one.split()[1]) / 1024 for one in file if one.startswith("VmHWM")])
            except OSError:
                pass

    watcher = threading.Thread(target=watch)
    watcher.start()
    said, _ = child.communicate()
    took = time.monotonic() - began
    ended.set()
    watcher.join()
    if child.returncode != 0:
        sys.exit(said.decode())
    return took, peaks


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    programs = os.path.join(os.path.abspath(sys.argv[1]), "bin")
    count = int(sys.argv[2]) if len(sys.argv) == 3 else 32
    folder = tempfile.mkdtemp(prefix="leaseback-line-bench-", dir=os.environ.get("TMPDIR"))
    try:
        build_station(folder, programs)
        write_orders(folder, count)
        print(f"{count} disks, load before {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        one = None
        for jobs in (1, 2, 4):
            took, peaks = line(folder, programs, jobs, count)
            one = one or took
            print(f"--jobs {jobs}: {took:6.1f} s, speed-up {one / took:.2f}; peak of the line's process {peaks['own']:.1f} MiB, of all together {peaks['all']:.1f} MiB")
        times = []
        for i in range(9):
            shutil.rmtree(f"{folder}/st", ignore_errors=True)
            run([f"{programs}/leaseback-provision", "line", "init", "--station", f"{folder}/st"])
            began = time.monotonic()
            run([f"{programs}/leaseback-provision", "disk", "apply", f"{folder}/orders/home-0.yaml", "--disk", f"{folder}/one-{i}.img", "--create-image", "--station",
                 f"{folder}/st", "--bundle", f"{folder}/agent.bundle", "--bundle-key", f"{folder}/release.pub"])
            times.append(time.monotonic() - began)
        print(f"one disk to its receipt: median {statistics.median(times):.2f} s of {', '.join(f'{one:.2f}' for one in sorted(times))}")
    finally:
        shutil.rmtree(folder)


main()
