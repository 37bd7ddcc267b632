"""Claims about the first boot: the question is there, nobody waits for it, and no answer is no consent."""
from checks import check, state_of
from stage import ready

ASKED = r"Type 1 or 2, then Enter: "
SERVICES = ("leaseback-agent.service", "leaseback-first-boot.service", "leaseback-first-boot@ttyS0.service")


def boots_and_asks(stage):
    """The disk of the factory boots by its own loader, and the machine asks on its serial console while everything else is up."""
    with stage.boot_once().start() as guest:
        asked = guest.console.wait_for(rf"Home, nights.*?{ASKED}")
        check("the terms are shown on the console before the question", "We never read, copy or change your files" in asked.group(0), asked.group(0)[-2500:])
        ready(guest)
        guest.shell.until("the boot to be finished", "systemctl is-system-running | grep -E 'running|degraded'")
        failed = guest.shell.run("systemctl --failed --no-legend --plain")
        check("no unit failed", failed == "", failed)
        check("nobody waits for the answer: no job is left", "No jobs" in guest.shell.run("systemctl list-jobs"))
        check("it was booted by systemd-boot through UEFI", "systemd-boot" in guest.shell.run("strings /sys/firmware/efi/efivars/LoaderInfo-* 2>/dev/null || tr -d '\\0' < $(ls /sys/firmware/efi/efivars/LoaderInfo-*)"))
        for service in SERVICES:
            check(f"{service} runs", guest.shell.run(f"systemctl is-active {service}", expect=None) == "active", guest.shell.run(f"systemctl status -l {service}", expect=None))
        check("the agent waits", state_of(guest) == "awaiting-answer", state_of(guest))
        stage.keep(guest)


def no_answer_is_no_lease(stage):
    """Enter alone records nothing: the login prompt comes back, the machine goes on, nothing is leased, mounted or told to the controller."""
    with stage.restored("no-answer") as (guest, works):
        guest.console.send("\n\n\n")
        guest.console.wait_for("Not answered. Nothing was recorded")
        guest.console.wait_for("login: ")
        check("nothing is recorded", guest.shell.run("ls /var/lib/leaseback/owner", expect=None).find("consent") < 0)
        check("the agent goes on waiting", state_of(guest) == "awaiting-answer")
        check("the lease partition is closed", guest.shell.run("lsblk -nro TYPE") .find("crypt") < 0)
        machines = works.staff("machine", "list")["machines"]
        check("the controller has heard nothing of the machine", [m["state"] for m in machines] == ["provisioned"], str(machines))
