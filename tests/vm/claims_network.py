"""Claims about the network presets: what was ordered is what the running machine has, and what was not ordered does not get in."""
import socket

from checks import check
from stage import DHCP_ADDRESS, GUEST_ADDRESS
from works import free_port, until

ORDERED, NOT_ORDERED, ORDERED_FOR_OTHERS = 7001, 7002, 7003


def presets_take_effect(stage):
    """Address, route, resolver, time server, host name and firewall are as ordered under systemd-networkd; only the ordered port lets anybody in."""
    doors = Doors(GUEST_ADDRESS)
    with stage.restored("network", inbound=doors.forwards, with_controller=False) as (guest, _):
        shell = guest.shell
        check("host name", shell.run("hostname") == "guest-pc" and "guest-pc" in shell.run("cat /etc/hosts"))
        check("address", "inet 10.0.2.77/24" in shell.run("ip -4 -o address show scope global"), shell.run("ip address"))
        check("no other address of IPv4", shell.run("ip -4 -o address show scope global | wc -l") == "1")
        check("route", "default via 10.0.2.2" in shell.run("ip route"), shell.run("ip route"))
        check("it is systemd-networkd that did it", "configured" in shell.run("networkctl --no-pager list --no-legend"), shell.run("networkctl"))
        servers = shell.run("resolvectl dns --no-pager")
        check("name server, and no other", "10.0.2.3" in servers and set(word for word in servers.split() if word.count(".") == 3) == {"10.0.2.3"}, servers)
        check("time server", "10.0.2.2" in shell.run("timedatectl show-timesync --property=SystemNTPServers --property=LinkNTPServers"), shell.run("timedatectl show-timesync"))
        only_the_ordered_port(guest, doors)


def presets_take_effect_with_network_manager(stage):
    """The same on a system that has NetworkManager instead: the address by DHCP, the ordered name server and no other, the firewall."""
    doors = Doors(DHCP_ADDRESS)
    with stage.other_machine("network-manager", "guest-dhcp.yaml", "NetworkManager", inbound=doors.forwards) as guest:
        shell = guest.shell
        shell.until("the network to be up", "nmcli --terse --fields STATE general | grep -q ^connected")
        check("host name", shell.run("hostname") == "bobs-pc")
        check("address", f"inet {DHCP_ADDRESS}/24" in shell.run("ip -4 -o address show scope global"), shell.run("ip address"))
        check("route", "default via 10.0.2.2" in shell.run("ip route"), shell.run("ip route"))
        check("it is NetworkManager that did it, by the ordered connection", "ordered" in shell.run("nmcli --terse --fields NAME connection show --active"), shell.run("nmcli connection"))
        check("systemd-networkd does not run", shell.run("systemctl is-active systemd-networkd", expect=None) != "active")
        servers = shell.run("resolvectl dns --no-pager")
        check("name server, and no other", set(word for word in servers.split() if word.count(".") == 3) == {"10.0.2.3"}, servers)
        only_the_ordered_port(guest, doors)
        guest.power_off()


def only_the_ordered_port(guest, doors):
    shell = guest.shell
    rules = shell.run("nft list ruleset")
    check("the firewall's rules are in force: nothing inbound but what is named", "policy drop" in rules and f"tcp dport {ORDERED} accept" in rules, rules)
    for port in (ORDERED, NOT_ORDERED, ORDERED_FOR_OTHERS):
        shell.run(f"systemd-run --quiet --unit=greeting-{port} systemd-socket-activate --accept --inetd --listen=0.0.0.0:{port} /bin/echo greetings from {port}")
        shell.until("the listener", f"ss -Hltn sport = :{port} | grep -q LISTEN")
    refused = [doors.knock(port) for port in (NOT_ORDERED, ORDERED_FOR_OTHERS)]
    check("the ordered port lets us in", doors.knock(ORDERED).hears("greetings from 7001"))
    for visitor in refused:
        met = shell.run(f"ss -Htn state established sport = :{visitor.port}")
        check(f"port {visitor.port} does not: {'not ordered' if visitor.port == NOT_ORDERED else 'ordered for another network'}", met == "" and not visitor.heard, met)
    shell.run("nft flush ruleset")
    check("it was the rules: without them the same visitors are let in", all(visitor.hears(f"greetings from {visitor.port}") for visitor in refused))


class Doors:
    """Ports of the host that lead to ports of the guest."""

    def __init__(self, address, ports=(ORDERED, NOT_ORDERED, ORDERED_FOR_OTHERS)):
        self.host_ports = {port: free_port() for port in ports}
        self.forwards = [(self.host_ports[port], address, port) for port in ports]

    def knock(self, port):
        return Visitor(port, socket.create_connection(("127.0.0.1", self.host_ports[port])))


class Visitor:
    """QEMU takes each connection at once and goes on asking the guest; what the guest says arrives here."""

    def __init__(self, port, connection):
        self.port, self.connection, self.heard = port, connection, ""
        connection.setblocking(False)

    def hears(self, words):
        def listen():
            try:
                self.heard += self.connection.recv(1000).decode()
            except BlockingIOError:
                pass
            return words in self.heard
        return until(f"port {self.port} to say '{words}'", listen)
