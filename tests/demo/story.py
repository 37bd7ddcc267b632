"""Runs the shipped programs, tells what happens, and checks each claim of the main job.

A step is told in a few lines, asserted by `Story.check`, and lands in summary.json with its figures. Daemons are started with
`Story.daemon` and are all stopped at the end, whatever happens, by their process ids.
"""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class Failed(Exception):
    """A claim of the main job did not hold."""


class Story:
    def __init__(self, programs, folder, quiet):
        self.programs = Path(programs).resolve()
        self.folder = Path(folder).resolve()
        self.quiet = quiet
        self.steps = []
        self.daemons = {}
        self.started = time.monotonic()
        self.colour = sys.stdout.isatty() and os.environ.get("NO_COLOR") is None

    # -- telling

    def tell(self, text=""):
        if not self.quiet:
            print(text, flush=True)

    def command(self, arguments):
        self.tell(self._paint("2", "   $ " + " ".join(self._short(a) for a in arguments)))

    def show(self, text, lines=40):
        rows = text.rstrip("\n").split("\n")
        for row in rows[:lines]:
            self.tell("     " + row)
        if len(rows) > lines:
            self.tell(f"     ... {len(rows) - lines} more lines")

    def _short(self, argument):
        text = str(argument)
        for prefix, word in ((str(self.programs) + "/", ""), (str(self.folder) + "/", "demo/"), (str(self.folder), "demo")):
            text = text.replace(prefix, word)
        return f"'{text}'" if " " in text else text

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    # -- steps and claims

    def begin(self, name, title):
        self.steps.append({"step": name, "title": title, "ok": False, "claims": [], "figures": {}, "began": time.monotonic()})
        self.tell()
        self.tell(self._paint("1", f"{len(self.steps)}. {title}"))

    def check(self, claim, holds, detail=""):
        self.steps[-1]["claims"].append({"claim": claim, "ok": bool(holds)})
        self.tell(f"   {'✓' if holds else '✗'} {claim}")
        if not holds:
            raise Failed(f"step {self.steps[-1]['step']}: {claim}" + (f"\n{detail}" if detail else ""))

    def figure(self, name, value):
        self.steps[-1]["figures"][name] = value

    def end(self):
        step = self.steps[-1]
        step["ok"] = all(claim["ok"] for claim in step["claims"])
        step["figures"]["seconds"] = round(time.monotonic() - step.pop("began"), 2)

    def write_summary(self, problem=None):
        summary = {"ok": problem is None and all(step["ok"] for step in self.steps), "steps": self.steps,
                   "seconds": round(time.monotonic() - self.started, 1)}
        if problem:
            summary["problem"] = problem
        for step in self.steps:
            step.pop("began", None)
        (self.folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")

    # -- programs

    def run(self, program, *arguments, show=False, tell=True, expect=0, stdin=None, timeout=120):
        """Runs a program to its end; its standard output. Fails unless it exits with `expect` (a number or a set)."""
        line = [str(self.programs / program) if program.startswith("leaseback") or program.startswith("mandelbrot") else program]
        line += [str(a) for a in arguments]
        if tell:
            self.command(line)
        done = subprocess.run(line, capture_output=True, text=True, input=stdin, timeout=timeout)
        allowed = expect if isinstance(expect, set) else {expect}
        if done.returncode not in allowed:
            raise Failed(f"{' '.join(line)}\nexited with {done.returncode}, not {expect}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        if show:
            self.show(done.stdout)
        return done.stdout

    def json(self, program, *arguments, **options):
        text = self.run(program, *arguments, "--json", tell=options.pop("tell", False), **options)
        try:
            return json.loads(text)
        except ValueError as error:
            raise Failed(f"{program} {' '.join(map(str, arguments))} --json printed no JSON ({error}):\n{text[:2000]}") from error

    def daemon(self, name, program, *arguments, log=None):
        log_file = open(log or self.folder / "logs" / f"{name}.log", "ab")
        line = [str(self.programs / program)] + [str(a) for a in arguments]
        self.daemons[name] = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log_file, stderr=log_file, start_new_session=True)
        log_file.close()

    def stop(self, name, how=signal.SIGTERM, timeout=20):
        process = self.daemons.pop(name)
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed(f"{name} did not stop within {timeout} s of {how.name}")
        return process.returncode

    def stop_all(self):
        for process in self.daemons.values():
            if process.poll() is None:
                process.terminate()
        for process in self.daemons.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.daemons.clear()

    def until(self, what, ask, seconds=40):
        """Asks every tenth of a second until the answer is true; the answer."""
        deadline = time.monotonic() + seconds
        while True:
            answer = ask()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise Failed(f"waited {seconds} s for this, in vain: {what}")
            time.sleep(0.1)
