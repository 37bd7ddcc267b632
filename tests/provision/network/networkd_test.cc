// Goal: the files for systemd-networkd do what the order says: address, route, name servers, by DHCP when nothing is fixed. Method:
// the real systemd-networkd in a network namespace of the test's own, with a neighbour that gives out addresses; what the kernel and
// networkd's own state files say afterwards.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "provision/network/settings_files.h"

namespace provision::network {
namespace {

// Ends when networkd says that the link is configured, or gives up. /sys is read-only so that networkd does not wait for udev.
constexpr const char* script = R"(set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
chown -R systemd-network /run/systemd/netif 2>/dev/null || true
cp machine/*.network /run/systemd/network/
umount /sys 2>/dev/null || true
mount -t sysfs -o ro sysfs /sys
ip link set lo up
ip link add eth0 type veth peer name peer0
printf '[Match]\nName=peer0\n[Network]\nAddress=198.51.100.1/24\nDHCPServer=yes\nIPv6AcceptRA=no\n[DHCPServer]\nPoolOffset=50\nPoolSize=1\nEmitDNS=yes\nDNS=198.51.100.53\nEmitRouter=yes\n' > /run/systemd/network/10-neighbour.network
SYSTEMD_LOG_TARGET=console /usr/lib/systemd/systemd-networkd > log 2>&1 &
networkd=$!
/usr/lib/systemd/systemd-networkd-wait-online --interface=eth0:routable --ipv4 --timeout=90 || { cat log; kill $networkd; exit 3; }
ip -o -4 addr show dev eth0
ip -4 route show dev eth0
cat /run/systemd/netif/links/$(cat /sys/class/net/eth0/ifindex)
kill $networkd
wait $networkd || true
)";

class Networkd : public testing::Test {
 protected:
  void SetUp() override {
    if (access("/usr/lib/systemd/systemd-networkd", X_OK) != 0 || access("/usr/lib/systemd/systemd-networkd-wait-online", X_OK) != 0)
      GTEST_SKIP() << "systemd-networkd is not installed (package systemd)";
    folder_ = std::filesystem::temp_directory_path() / "leaseback-networkd-XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    std::filesystem::create_directories(folder_ + "/machine");
    if (run("unshare --net --mount --propagation private sh -c 'mount -t tmpfs tmpfs /run && ip link add eth0 type veth peer name peer0'") != 0)
      GTEST_SKIP() << "no network namespaces here (needs root and iproute2): " << said();
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] int run(const std::string& line) const {
    const int status = std::system(("cd " + folder_ + " && PATH=$PATH:/usr/sbin:/sbin && { " + line + "; } >said 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  [[nodiscard]] std::string said() const {
    std::ifstream stream(folder_ + "/said");
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  std::string link_of(const Presets& presets) {
    for (const SettingsFile& file : settings_files(presets, {}))
      if (file.path.ends_with(".network")) std::ofstream(folder_ + "/machine/" + file.path.substr(file.path.rfind('/') + 1)) << file.text;
    std::ofstream(folder_ + "/script") << script;
    EXPECT_EQ(run("unshare --net --mount --propagation private sh script"), 0) << said();
    return said();
  }
  static Presets presets() {
    return {.host_name = "desk", .fixed = {}, .name_servers = {}, .time_servers = {}, .inbound = {}, .controller_port = {}};
  }

  std::string folder_;
};

TEST_F(Networkd, GivesTheMachineItsFixedAddressRouteAndNameServers) {
  Presets office = presets();
  office.fixed = FixedAddress{"192.0.2.10/24", "192.0.2.1"};
  office.name_servers = {"192.0.2.53"};
  office.time_servers = {"time.example"};
  const std::string link = link_of(office);
  EXPECT_NE(link.find("inet 192.0.2.10/24"), std::string::npos) << link;
  EXPECT_NE(link.find("default via 192.0.2.1"), std::string::npos) << link;
  EXPECT_NE(link.find("DNS=192.0.2.53\n"), std::string::npos) << link;
  EXPECT_NE(link.find("NTP=time.example\n"), std::string::npos) << link;
}

TEST_F(Networkd, AsksForAnAddressWhenNoneIsFixed) {
  const std::string link = link_of(presets());
  EXPECT_NE(link.find("inet 198.51.100."), std::string::npos) << link;
  EXPECT_NE(link.find("default via 198.51.100.1"), std::string::npos) << link;
  EXPECT_NE(link.find("DNS=198.51.100.53\n"), std::string::npos) << link;
}

TEST_F(Networkd, KeepsOfferedNameServersOutWhenTheOrderNamesSome) {
  Presets home = presets();
  home.name_servers = {"192.0.2.53"};
  const std::string link = link_of(home);
  EXPECT_NE(link.find("inet 198.51.100."), std::string::npos) << link;
  EXPECT_NE(link.find("DNS=192.0.2.53\n"), std::string::npos) << link;
}

}  // namespace
}  // namespace provision::network
