// Goal: presets become the files that systemd-networkd, NetworkManager, iwd, resolved, timesyncd, chrony and nftables read,
// byte for byte as frozen, for whichever of them the image has. Method: golden texts; tables of what an image has.
#include "provision/network/settings_files.h"

#include <set>

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
          .inbound = {{445, Protocol::Tcp, "shares", {"192.0.2.0/24", "2001:db8::/32"}},
                      {22, Protocol::Tcp},
                      {137, Protocol::Udp, {}, {"192.0.2.128/25", "192.0.2.0/24", "198.51.100.0/24"}}},
          .wifi = Wifi{"Caf\xc3\xa9 n\\1", " pass\\word"},
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
    text += "=== " + file.path + (file.target.empty() ? " " + std::string(mode) : " -> " + file.target) + "\n" + file.text;
  }
  return text;
}

constexpr SystemPrograms networkd{};
constexpr SystemPrograms manager{.network = NetworkProgram::NetworkManager};
constexpr SystemPrograms bare{.resolver = ResolverProgram::None, .time = TimeProgram::Chrony};

TEST(NetworkdFiles, AreAsFrozenForDhcp) {
  EXPECT_GOLDEN("tests/golden/provision/network/home-networkd.txt", shown(settings_files(home(), networkd)));
}
TEST(NetworkdFiles, AreAsFrozenForAFixedAddress) {
  EXPECT_GOLDEN("tests/golden/provision/network/office-networkd.txt", shown(settings_files(office(), networkd)));
}
TEST(NetworkManagerFiles, AreAsFrozenForDhcp) {
  EXPECT_GOLDEN("tests/golden/provision/network/home-networkmanager.txt", shown(settings_files(home(), manager)));
}
TEST(NetworkManagerFiles, AreAsFrozenForAFixedAddress) {
  EXPECT_GOLDEN("tests/golden/provision/network/office-networkmanager.txt", shown(settings_files(office(), manager)));
}
TEST(NetworkdFiles, AreAsFrozenForADeclinedOrder) {
  EXPECT_GOLDEN("tests/golden/provision/network/declined-networkd.txt", shown(settings_files(declined(), networkd)));
}
TEST(NetworkdFiles, AreAsFrozenForAnImageWithoutResolvedAndTimesyncd) {
  EXPECT_GOLDEN("tests/golden/provision/network/office-bare.txt", shown(settings_files(office(), bare)));
}

TEST(Wireless, IsAbsentUnlessOrdered) {
  for (const SystemPrograms& programs : {networkd, manager, bare})
    for (const SettingsFile& file : settings_files(home(), programs)) {
      EXPECT_EQ(file.path.find("wireless"), std::string::npos) << file.path;
      EXPECT_EQ(file.path.find("iwd"), std::string::npos) << file.path;
    }
}

TEST(Wireless, KeepsItsPassphraseToFilesOfRoot) {
  for (const SystemPrograms& programs : {networkd, manager, bare})
    for (const SettingsFile& file : settings_files(office(), programs))
      if (file.text.find("pass\\\\word") != std::string::npos) {
        EXPECT_EQ(file.mode, 0600U) << file.path;
      }
}

// An image that has just these paths.
Result<SystemPrograms> programs_of(const std::set<std::string>& there, std::optional<NetworkProgram> stated = {}) {
  return programs_in([&](const std::string& path) -> Result<bool> { return there.contains(path); }, stated);
}
const std::string units = "/usr/lib/systemd/system/";
const std::string enabled = "/etc/systemd/system/multi-user.target.wants/";

TEST(Programs, AreThoseThatTheImageHas) {
  const auto server = programs_of({units + "systemd-networkd.service", units + "nftables.service", units + "chrony.service"});
  ASSERT_TRUE(server);
  EXPECT_EQ(*server, (SystemPrograms{NetworkProgram::SystemdNetworkd, ResolverProgram::None, TimeProgram::Chrony, true, false}));
  // A desktop has both, and uses NetworkManager.
  const auto desktop = programs_of({units + "systemd-networkd.service", units + "NetworkManager.service", enabled + "NetworkManager.service",
                                    units + "wpa_supplicant.service", units + "systemd-resolved.service", units + "systemd-timesyncd.service",
                                    "/lib/systemd/system/nftables.service"});
  ASSERT_TRUE(desktop);
  EXPECT_EQ(*desktop, (SystemPrograms{NetworkProgram::NetworkManager, ResolverProgram::SystemdResolved, TimeProgram::SystemdTimesyncd, true, true}));
}

TEST(Programs, GoByWhatIsEnabledWhenBothAreThere) {
  const std::set<std::string> both = {units + "systemd-networkd.service", units + "NetworkManager.service"};
  EXPECT_EQ(programs_of(both)->network, NetworkProgram::NetworkManager);
  std::set<std::string> one = both;
  one.insert(enabled + "systemd-networkd.service");
  EXPECT_EQ(programs_of(one)->network, NetworkProgram::SystemdNetworkd);
  one.insert(enabled + "NetworkManager.service");
  EXPECT_EQ(programs_of(one).error().code, ErrorCode::Conflict);
  EXPECT_EQ(programs_of(one, NetworkProgram::NetworkManager)->network, NetworkProgram::NetworkManager);
}

TEST(Programs, AreRefusedWhenTheyAreNotThere) {
  EXPECT_EQ(programs_of({}).error().code, ErrorCode::NotFound);
  const auto stated = programs_of({units + "systemd-networkd.service"}, NetworkProgram::NetworkManager);
  ASSERT_FALSE(stated);
  EXPECT_NE(stated.error().text().find("NetworkManager.service"), std::string::npos);
  const IsThere broken = [](const std::string&) -> Result<bool> { return Error{ErrorCode::IoFailure, "unreadable", {}}; };
  EXPECT_EQ(programs_in(broken, {}).error().code, ErrorCode::IoFailure);
}

TEST(Programs, ThatCannotKeepAnOrderAreNamed) {
  EXPECT_TRUE(can_keep(office(), networkd));
  SystemPrograms poor = networkd;
  poor.firewall = false;
  EXPECT_NE(can_keep(home(), poor).error().text().find("nftables"), std::string::npos);
  poor = networkd;
  poor.time = TimeProgram::None;
  EXPECT_TRUE(can_keep(home(), poor));
  EXPECT_NE(can_keep(office(), poor).error().text().find("timesyncd"), std::string::npos);
  poor = networkd;
  poor.wireless = false;
  EXPECT_TRUE(can_keep(home(), poor));
  EXPECT_NE(can_keep(office(), poor).error().text().find("iwd"), std::string::npos);
}

}  // namespace
}  // namespace provision::network
