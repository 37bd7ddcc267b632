// Goal: an order becomes the right work: sizes with their incentives, the lease and its keys' names, or nothing of it
// for whoever declined; a wrong disk is refused. Method: the shipped orders and rules, and facts of disks of many
// sizes.
#include "provision/order/work.h"

#include <gtest/gtest.h>

#include "images/keys/keys.h"
#include "policies/terms/iana_zone.h"

namespace provision::order {
namespace {

const std::string sources = LEASEBACK_SOURCE_DIR;

class Orders : public testing::Test {
 protected:
  Orders() : rules(*policies::loading::load_rules(sources + "/policies/rules")) {}
  policies::terms::Order read(const std::string& name) {
    auto order = policies::loading::load_order_file(sources + "/provision/order/examples/" + name + ".yaml", zones);
    EXPECT_TRUE(order) << order.error().text();
    return *order;
  }
  Work work(const std::string& name) {
    auto made = work_for(rules, read(name), "https://fleet.example:8443");
    EXPECT_TRUE(made) << made.error().text();
    return *made;
  }
  static disk::DiskFacts blank(Bytes size) {
    disk::DiskFacts facts;
    facts.path = "disk.img";
    facts.size = size;
    facts.blank = true;
    return facts;
  }
  static disk::LeaseSeal seal() { return {{}, {{0, "controller", Digest(std::string(64, '0'))}}}; }

  policies::terms::IanaZoneRules zones;
  policies::loading::Rules rules;
};

constexpr Bytes gigabyte{1'000'000'000};

TEST_F(Orders, GiveTheDiskThatTheIncentivePromises) {
  const Work alice = work("home-alice");
  EXPECT_EQ(alice.ordered.disk, Bytes{20 * gigabyte.count});
  EXPECT_EQ(disk_size(alice), Bytes{40 * gigabyte.count});
  const auto request = disk_request(alice, blank(disk_size(alice)), seal());
  ASSERT_TRUE(request);
  // 15 % of 40 GB, down to a whole MiB.
  EXPECT_EQ(request->lease, Bytes{6 * gigabyte.count / disk::alignment.count * disk::alignment.count});
  EXPECT_EQ(request->system.count % disk::alignment.count, 0U);
  EXPECT_TRUE(disk::plan_new_disk(*request, blank(disk_size(alice))));
}

TEST_F(Orders, PrepareWhoeverHasNotAnsweredYet) {
  const Work alice = work("home-alice");
  EXPECT_EQ(alice.agent, AgentChoice::Installed);
  EXPECT_EQ(alice.presets.controller_port, 8443);
  EXPECT_EQ(alice.terms_document.digest, images::keys::sha256(alice.terms_document.canonical));
  EXPECT_EQ(token_facts(alice).at("terms_digest"), alice.terms_document.digest.text);
}

TEST_F(Orders, LeaveNothingOnTheMachineOfWhoeverDeclined) {
  auto order = read("home-alice");
  order.lease = policies::terms::LeaseChoice::DeclinedAtOrder;
  const auto declined = work_for(rules, order, "https://fleet.example");
  ASSERT_TRUE(declined);
  EXPECT_EQ(declined->agent, AgentChoice::None);
  EXPECT_EQ(disk_size(*declined), Bytes{20 * gigabyte.count}) << "no incentive without the lease";
  EXPECT_FALSE(declined->presets.controller_port);
  EXPECT_TRUE(declined->terms.empty());
  const auto request = disk_request(*declined, blank(disk_size(*declined)), {});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->lease.count, 0U);
}

TEST_F(Orders, RefuseADiskThatIsNotTheOneGiven) {
  const Work alice = work("home-alice");
  for (const std::uint64_t size :
       {std::uint64_t{0}, 20 * gigabyte.count, 40 * gigabyte.count - 1, 44 * gigabyte.count + 1, 80 * gigabyte.count}) {
    const auto request = disk_request(alice, blank(Bytes{size}), seal());
    ASSERT_FALSE(request) << size;
    EXPECT_EQ(request.error().code, ErrorCode::Refused);
    EXPECT_NE(request.error().text().find("40 GB"), std::string::npos);
  }
  EXPECT_TRUE(disk_request(alice, blank(Bytes{42 * gigabyte.count}), seal()));
}

TEST_F(Orders, TakeTheOldDiskOfARetrofitToo) {
  const Work frank = work("home-frank-retrofit");
  EXPECT_EQ(frank.kind, policies::terms::OrderKind::Retrofit);
  const auto upgraded = retrofit_request(frank, blank(frank.given.disk), seal());
  ASSERT_TRUE(upgraded);
  EXPECT_EQ(upgraded->lease, frank.lease);
  if (frank.present->disk != frank.given.disk) {
    const auto present = retrofit_request(frank, blank(frank.present->disk), seal());
    ASSERT_TRUE(present);
    EXPECT_EQ(present->lease, frank.lease_on_present);
  }
}

TEST_F(Orders, AskForTheSameDiskEachTime) {
  EXPECT_EQ(seed_of(work("home-alice")), seed_of(work("home-alice")));
  EXPECT_NE(seed_of(work("home-alice")), seed_of(work("home-bob")));
}

TEST_F(Orders, RefuseAControllerThatCannotBe) { EXPECT_FALSE(work_for(rules, read("home-alice"), "fleet.example")); }

TEST_F(Orders, CarryOrderedPortsAndTheWirelessNetworkToTheMachine) {
  auto order = read("home-alice");
  order.network.inbound = {{"ssh", 22, policies::terms::Transport::Tcp, {"192.168.1.0/24"}}, {"dns", 53, policies::terms::Transport::Udp, {}}};
  order.network.wifi = policies::terms::OrderedWifi{"home", "home.pass"};
  auto made = work_for(rules, order, "https://fleet.example");
  ASSERT_TRUE(made) << made.error().text();
  const std::vector<network::InboundPort> ports = {{22, network::Protocol::Tcp, "ssh", {"192.168.1.0/24"}}, {53, network::Protocol::Udp, "dns", {}}};
  EXPECT_EQ(made->presets.inbound, ports);
  EXPECT_EQ(made->wifi_passphrase_file, "home.pass");
  EXPECT_EQ(set_wifi_passphrase(*made, "short\n").error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(set_wifi_passphrase(*made, "").error().code, ErrorCode::InvalidInput) << "an empty file is no open network";
  ASSERT_TRUE(set_wifi_passphrase(*made, "long enough\n"));
  EXPECT_EQ(made->presets.wifi, (network::Wifi{"home", "long enough"}));
  EXPECT_TRUE(made->wifi_passphrase_file.empty());
}

}  // namespace
}  // namespace provision::order
