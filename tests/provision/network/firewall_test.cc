// Goal: the firewall lets in what the order names, from where it names, and nothing else. Method: the kernel's own rule
// compiler judges rule sets of generated orders; then real packets between two network namespaces, counted before and after
// our rules, so that nothing waits for a time-out.
#include "provision/network/firewall.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "policies/vocabulary/random.h"

namespace provision::network {
namespace {

Presets home() { return {.host_name = "alice-pc", .fixed = {}, .name_servers = {}, .time_servers = {}, .inbound = {}, .controller_port = 443}; }

Presets office() {
  Presets presets = home();
  presets.inbound = {{445, Protocol::Tcp, "shares", {"192.0.2.0/24", "2001:db8::/32"}}, {22, Protocol::Tcp}, {137, Protocol::Udp}};
  presets.controller_port = 8443;
  return presets;
}

Presets declined() {
  Presets presets = home();
  presets.controller_port = {};
  return presets;
}

TEST(Firewall, OpensNothingThatTheOrderDoesNotName) {
  EXPECT_EQ(firewall_rules(home()).find("ordered\""), std::string::npos);
  const std::string rules = firewall_rules(office());
  EXPECT_NE(rules.find("\n    tcp dport 22 accept comment \"ordered\"\n"), std::string::npos);
  EXPECT_NE(rules.find("\n    ip saddr { 192.0.2.0/24 } tcp dport 445 accept comment \"ordered: shares\"\n"), std::string::npos);
  EXPECT_NE(rules.find("\n    ip6 saddr { 2001:db8::/32 } tcp dport 445 accept comment \"ordered: shares\"\n"), std::string::npos);
  EXPECT_EQ(rules.find("\n    tcp dport 445"), std::string::npos);
}

TEST(Firewall, NamesNetworksThatLieInOneAnotherOnce) {
  Presets presets = home();
  presets.inbound = {{80, Protocol::Tcp, {}, {"10.1.0.0/16", "10.0.0.0/8", "192.0.2.1/32", "192.0.2.0/31"}}};
  EXPECT_NE(firewall_rules(presets).find("ip saddr { 10.0.0.0/8, 192.0.2.0/31 } tcp dport 80"), std::string::npos) << firewall_rules(presets);
}

TEST(Firewall, KeepsTheAgentsRuleWithTheAgent) {
  EXPECT_EQ(agent_rules(declined()), "");
  EXPECT_EQ(firewall_rules(declined()).find("leaseback"), std::string::npos);
  EXPECT_NE(agent_rules(home()).find("tcp dport 443 accept"), std::string::npos);
  EXPECT_NE(firewall_rules(home()).find("include \"/etc/leaseback/nftables/*.nft\""), std::string::npos);
}

class Namespaces : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v nft >/dev/null 2>&1 || test -x /usr/sbin/nft") != 0)
      GTEST_SKIP() << "nft is not installed (package nftables), so nobody here can judge the rules";
    folder_ = std::filesystem::temp_directory_path() / "leaseback-nft-XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    // A network namespace of its own, because nft asks the kernel even when it only checks.
    write("probe.nft", "table inet probe\n");
    if (run("unshare --net nft -c -f probe.nft") != 0) GTEST_SKIP() << "nft may not ask the kernel here (needs root)";
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream(folder_ + "/" + name);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  // The exit status of a shell line; what it said is in "said".
  [[nodiscard]] int run(const std::string& line) const {
    const int status = std::system(("cd " + folder_ + " && PATH=$PATH:/usr/sbin:/sbin && { " + line + "; } >said 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }

  std::string folder_;
};

TEST_F(Namespaces, AcceptTheRulesOfGeneratedOrders) {
  Random random(6'2026);
  std::string script;
  for (int i = 0; i < 200; ++i) {
    Presets presets = i == 0 ? home() : i == 1 ? declined() : office();
    for (std::uint64_t ports = i < 3 ? 0 : random.below(inbound_max - 3); ports > 0; --ports) {
      InboundPort port{static_cast<std::uint16_t>(1024 + presets.inbound.size() * 7 + random.below(7)),
                       random.below(2) == 0 ? Protocol::Tcp : Protocol::Udp, random.below(2) == 0 ? "" : "port-" + std::to_string(ports), {}};
      for (std::uint64_t sources = random.below(inbound_sources_max); sources > 0; --sources) {
        const unsigned prefix = static_cast<unsigned>(8 + 8 * random.below(3));
        const bool v6 = random.below(3) == 0;
        std::string network = v6 ? "2001:db8:" + std::to_string(random.below(9999)) + "::/48"
                              : prefix == 8  ? std::to_string(1 + random.below(200)) + ".0.0.0/8"
                              : prefix == 16 ? "10." + std::to_string(random.below(256)) + ".0.0/16"
                                             : "10.9." + std::to_string(random.below(256)) + ".0/24";
        if (std::find(port.from.begin(), port.from.end(), network) == port.from.end()) port.from.push_back(std::move(network));
      }
      presets.inbound.push_back(std::move(port));
    }
    const auto lawful = checked(presets);
    ASSERT_TRUE(lawful) << lawful.error().text();
    const std::string name = "rules" + std::to_string(i) + ".nft";
    write(name, firewall_rules(*lawful));
    script += "nft -c -f " + name + " || { echo " + name + "; exit 1; }; ";
  }
  EXPECT_EQ(run("unshare --net sh -c '" + script + "'"), 0) << "seed 62026: " << read("said");
  write("wrong.nft", "table inet probe { chain inbound { type filter hook nowhere priority filter; } }\n");
  EXPECT_NE(run("unshare --net nft -c -f wrong.nft"), 0);
}

// The machine at 192.0.2.10 and 2001:db8::10 with our rules; a neighbour at .20 and ::20 in a namespace of its own. Packets to
// the machine are counted when they arrive and once more behind our rules.
constexpr const char* network_script = R"(set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
ip link set lo up
ip netns add neighbour
ip link add eth0 type veth peer name eth0 netns neighbour
ip addr add 192.0.2.10/24 dev eth0
ip -6 addr add 2001:db8::10/64 dev eth0 nodad
ip link set eth0 up
ip -n neighbour addr add 192.0.2.20/24 dev eth0
ip -n neighbour addr add 198.51.100.7/32 dev eth0
ip -n neighbour -6 addr add 2001:db8::20/64 dev eth0 nodad
ip -n neighbour link set lo up
ip -n neighbour link set eth0 up
ip route add 198.51.100.7/32 dev eth0
nft -f rules.nft
nft -f agent.nft
nft -f counters.nft
python3 talk.py
)";

constexpr const char* counters = R"(table inet count {
  counter arrived {}
  counter passed {}
  chain before { type filter hook input priority -20; policy accept; tcp dport 1-65535 tcp flags syn counter name arrived; udp dport 1024-65535 counter name arrived; }
  chain after { type filter hook input priority 20; policy accept; tcp dport 1-65535 tcp flags syn counter name passed; udp dport 1024-65535 counter name passed; }
}
)";

// Each line of its output: who tried what, and "in" or "out" as the counters say.
constexpr const char* talk = R"(import json, os, socket, subprocess, sys
def count(name):
    said = json.loads(subprocess.check_output(['nft', '-j', 'list', 'counter', 'inet', 'count', name]))
    return next(o['counter']['packets'] for o in said['nftables'] if 'counter' in o)
def setns(path):
    # setns(2) by number, for a Python without os.setns
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY)
    if libc.setns(fd, 0x40000000) != 0: raise OSError(ctypes.get_errno(), 'setns')
    os.close(fd)
listeners = []
def listen(family, port):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(('', port)); s.listen(); listeners.append(s)
for port in (22, 445, 80, 8080): listen(socket.AF_INET, port); listen(socket.AF_INET6, port)
home = os.open('/proc/self/ns/net', os.O_RDONLY)
def from_neighbour(act):
    setns('/run/netns/neighbour')
    try: return act()
    finally: setns('/proc/self/fd/%d' % home)
def attempt(kind, to, port, source=None):
    arrived, passed = count('arrived'), count('passed')
    def act():
        s = socket.socket(socket.AF_INET6 if ':' in to else socket.AF_INET, kind)
        if source: s.bind((source, 0))
        s.setblocking(False)
        try: s.connect((to, port))
        except BlockingIOError: pass
        if kind == socket.SOCK_DGRAM: s.send(b'x')
        return s
    s = from_neighbour(act)
    while count('arrived') == arrived: pass
    print('%s %s %d%s %s' % ('tcp' if kind == socket.SOCK_STREAM else 'udp', to, port, ' from ' + source if source else '', 'in' if count('passed') > passed else 'out'))
    s.close()
T, U = socket.SOCK_STREAM, socket.SOCK_DGRAM
attempt(T, '192.0.2.10', 22)
attempt(T, '2001:db8::10', 22)
attempt(T, '192.0.2.10', 80)
attempt(T, '2001:db8::10', 80)
attempt(T, '192.0.2.10', 8080)
attempt(T, '192.0.2.10', 445)
attempt(T, '192.0.2.10', 445, '198.51.100.7')
attempt(U, '192.0.2.10', 5353)
attempt(U, '192.0.2.10', 4500)
# Out, and the answers in: the machine calls a controller that listens at the neighbour's.
def controller():
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('192.0.2.20', 8443)); s.listen(); return s
server = from_neighbour(controller)
with socket.create_connection(('192.0.2.20', 8443)) as call:
    there, _ = server.accept(); there.sendall(b'hello'); print('controller says', call.recv(5).decode())
with socket.create_connection(('127.0.0.1', 80)) as call: print('loopback in')
sys.stdout.flush()
)";

TEST_F(Namespaces, LetInTheOrderedPortsFromTheOrderedNetworksOnly) {
  if (run("ip netns list && python3 -c 'import socket' && unshare --net --mount true") != 0)
    GTEST_SKIP() << "no network namespaces here (needs root, iproute2, python3): " << read("said");
  Presets presets = office();
  presets.inbound.push_back({4500, Protocol::Udp});
  write("rules.nft", firewall_rules(presets));
  write("agent.nft", agent_rules(presets));
  write("counters.nft", counters);
  write("talk.py", talk);
  write("network.sh", network_script);
  ASSERT_EQ(run("unshare --net --mount sh network.sh"), 0) << read("said");
  EXPECT_EQ(read("said"),
            "tcp 192.0.2.10 22 in\ntcp 2001:db8::10 22 in\ntcp 192.0.2.10 80 out\ntcp 2001:db8::10 80 out\ntcp 192.0.2.10 8080 out\n"
            "tcp 192.0.2.10 445 in\ntcp 192.0.2.10 445 from 198.51.100.7 out\nudp 192.0.2.10 5353 out\nudp 192.0.2.10 4500 in\n"
            "controller says hello\nloopback in\n");
}

}  // namespace
}  // namespace provision::network
