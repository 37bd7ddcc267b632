// Goal: presets become the files that systemd-networkd, NetworkManager, resolved, timesyncd and nftables read, byte for
// byte as frozen. Method: golden texts; the kernel's own rule compiler judges each rule set where it is installed.
#include "provision/network/settings_files.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/golden/golden.h"

namespace provision::network {
namespace {

Presets home() {
  return {.host_name = "alice-pc",
          .fixed = {},
          .name_servers = {},
          .time_servers = {},
          .inbound = {},
          .controller_port = 443};
}

Presets office() {
  return {.host_name = "front-desk.example",
          .fixed = FixedAddress{"192.0.2.10/24", "192.0.2.1"},
          .name_servers = {"192.0.2.53", "2001:db8::53"},
          .time_servers = {"time.example", "192.0.2.123"},
          .inbound = {{445, Protocol::Tcp}, {22, Protocol::Tcp}, {137, Protocol::Udp}},
          .controller_port = 8443};
}

Presets declined() {
  return {.host_name = "dora-pc",
          .fixed = {},
          .name_servers = {"192.0.2.53"},
          .time_servers = {},
          .inbound = {},
          .controller_port = {}};
}

std::string shown(const std::vector<SettingsFile>& files) {
  std::string text;
  for (const SettingsFile& file : files) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", file.mode);
    text += "=== " + file.path + " " + mode + "\n" + file.text;
  }
  return text;
}

TEST(NetworkdFiles, AreAsFrozenForDhcp) {
  EXPECT_GOLDEN("tests/golden/provision/network/home-networkd.txt",
                shown(settings_files(home(), NetworkProgram::SystemdNetworkd)));
}
TEST(NetworkdFiles, AreAsFrozenForAFixedAddress) {
  EXPECT_GOLDEN("tests/golden/provision/network/office-networkd.txt",
                shown(settings_files(office(), NetworkProgram::SystemdNetworkd)));
}
TEST(NetworkManagerFiles, AreAsFrozenForDhcp) {
  EXPECT_GOLDEN("tests/golden/provision/network/home-networkmanager.txt",
                shown(settings_files(home(), NetworkProgram::NetworkManager)));
}
TEST(NetworkManagerFiles, AreAsFrozenForAFixedAddress) {
  EXPECT_GOLDEN("tests/golden/provision/network/office-networkmanager.txt",
                shown(settings_files(office(), NetworkProgram::NetworkManager)));
}
TEST(NetworkdFiles, AreAsFrozenForADeclinedOrder) {
  EXPECT_GOLDEN("tests/golden/provision/network/declined-networkd.txt",
                shown(settings_files(declined(), NetworkProgram::SystemdNetworkd)));
}

TEST(Firewall, OpensNothingThatTheOrderDoesNotName) {
  EXPECT_EQ(firewall_rules(home()).find("comment \"ordered\""), std::string::npos);
  EXPECT_NE(firewall_rules(office()).find("tcp dport { 22, 445 } accept"), std::string::npos);
  EXPECT_NE(firewall_rules(office()).find("udp dport { 137 } accept"), std::string::npos);
}

TEST(Firewall, NamesNoControllerOnAMachineWithoutAgent) {
  EXPECT_EQ(firewall_rules(declined()).find("controller"), std::string::npos);
  EXPECT_NE(firewall_rules(home()).find("tcp dport 443 accept"), std::string::npos);
}

// A network namespace of its own, because nft asks the kernel even when it only checks; 0 when the rules are accepted.
int judged_by_nft(const std::string& path) {
  return std::system(
      ("unshare --net --map-root-user nft -c -f " + path + " >/dev/null 2>&1 || nft -c -f " + path + " >/dev/null 2>&1")
          .c_str());
}

TEST(Firewall, IsAcceptedByTheKernelsRuleCompiler) {
  if (std::system("command -v nft >/dev/null 2>&1 || test -x /usr/sbin/nft") != 0)
    GTEST_SKIP() << "nft is not installed (package nftables), so nobody here can judge the rules";
  std::string folder = std::filesystem::temp_directory_path() / "leaseback-nft-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/rules.nft";
  const auto judge = [&](const std::string& rules) {
    std::ofstream(path) << rules;
    return judged_by_nft(path);
  };
  const bool able = judge("table inet probe\n") == 0;
  if (able) {
    for (const Presets& presets : {home(), office(), declined()})
      EXPECT_EQ(judge(firewall_rules(presets)), 0) << firewall_rules(presets);
    EXPECT_NE(judge("table inet probe { chain inbound { type filter hook nowhere priority filter; } }\n"), 0);
  }
  std::filesystem::remove_all(folder);
  if (!able) GTEST_SKIP() << "nft may not ask the kernel here (needs root or user namespaces)";
}

}  // namespace
}  // namespace provision::network
