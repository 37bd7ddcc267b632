// Goal: an order that reaches the factory line can be built, and says nothing that a file on a customer's disk would choke on.
// Method: one good order spoilt in one way at a time, and every example order that we ship, quoted by the shipped rules.
#include <gtest/gtest.h>

#include <filesystem>

#include "policies/loading/loading.h"
#include "policies/terms/iana_zone.h"

namespace policies::loading {
namespace {

const std::string good = R"(kind: new-machine
order: home-alice
customer:
  id: alice
  name: Alice Ambrose
  site: home
zone: America/Chicago
machine:
  serial: LB-1001
  model: home-pc
  disk: 20 GB
  processor: 750 MHz
  memory: 256 MB
offer: home
lease: open-until-first-boot
network:
  hostname: alice-pc
  address: 192.168.1.20/24
  gateway: 192.168.1.1
  name_servers: [192.168.1.1, "2620:fe::fe"]
  time_servers: [0.debian.pool.ntp.org, 10.0.0.1]
)";

const terms::IanaZoneRules& zones() {
  static const terms::IanaZoneRules rules;
  return rules;
}

std::string changed(const std::string& from, const std::string& to) {
  std::string text = good;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string fault(const std::string& text) {
  Result<terms::Order> order = load_order(text, "o.yaml", zones());
  return order ? "no fault" : order.error().message;
}

TEST(Order, IsReadWhole) {
  const terms::Order order = *load_order(good, "o.yaml", zones());
  EXPECT_EQ(order.id, OrderId("home-alice"));
  EXPECT_EQ(order.kind, terms::OrderKind::NewMachine);
  EXPECT_EQ(order.customer, PartyId("alice"));
  EXPECT_EQ(order.customer_name, "Alice Ambrose");
  EXPECT_EQ(order.zone, "America/Chicago");
  EXPECT_EQ(order.serial, "LB-1001");
  EXPECT_EQ(order.ordered, (terms::Hardware{Bytes{20'000'000'000}, 750, Bytes{256'000'000}}));
  EXPECT_FALSE(order.present.has_value());
  EXPECT_EQ(order.lease, terms::LeaseChoice::OpenUntilFirstBoot);
  EXPECT_EQ(order.network.address, "192.168.1.20/24");
  EXPECT_EQ(order.network.gateway, "192.168.1.1");
  EXPECT_EQ(order.network.name_servers.size(), 2U);
  EXPECT_EQ(order.network.time_servers.size(), 2U);
}

TEST(Order, MayLeaveTheNetworkToDhcp) {
  std::string text = good.substr(0, good.find("  address:"));
  const terms::Order order = *load_order(text + "  address: dhcp\n", "o.yaml", zones());
  EXPECT_FALSE(order.network.address.has_value());
  EXPECT_TRUE(order.network.name_servers.empty());
}

TEST(Order, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {changed("America/Chicago", "America/Nowhere"),
       "o.yaml:7:7: 'zone': 'America/Nowhere' is not a time zone; write an IANA name such as America/Chicago"},
      {changed("LB-1001", "lb 1001"), "o.yaml:9:11: 'machine.serial': 'lb 1001' must be capital letters, digits and '-'"},
      {changed("order: home-alice", "order: ../alice"),
       "o.yaml:2:8: 'order' is '../alice', but must be a name of lower-case letters, digits and inner '-', at most 64"},
      {changed("20 GB", "20"), "o.yaml:11:9: 'machine.disk' is '20', but must be 1 GB to 1000 TB"},
      {changed("750 MHz", "750"), "o.yaml:12:14: 'machine.processor': '750' is not a speed such as '750 MHz' or '2.4 GHz', 1 MHz to 100 GHz"},
      {changed("lease: open-until-first-boot", "lease: maybe"),
       "o.yaml:15:8: 'lease' is 'maybe', but must be one of: agreed-at-order, declined-at-order, open-until-first-boot"},
      {changed("hostname: alice-pc", "hostname: Alice_PC"),
       "o.yaml:17:13: 'network.hostname': 'Alice_PC' must be lower-case letters, digits and inner '-'"},
      {changed("192.168.1.20/24", "192.168.1.20"),
       "o.yaml:18:12: 'network.address': '192.168.1.20' must be 'dhcp' or an address with its prefix length such as 192.168.1.20/24"},
      {changed("192.168.1.20/24", "192.168.1.20/33"),
       "o.yaml:18:12: 'network.address': '192.168.1.20/33' must be 'dhcp' or an address with its prefix length such as 192.168.1.20/24"},
      {changed("gateway: 192.168.1.1", "gateway: router"), "o.yaml:19:12: 'network.gateway': 'router' is not an address"},
      {changed("192.168.1.20/24", "dhcp"), "o.yaml:19:12: 'network.gateway': with DHCP the network names its own gateway; leave this out"},
      {changed("[192.168.1.1,", "[dns.example,"), "o.yaml:20:17: 'network.name_servers': 'dns.example' is not an address"},
      {changed("10.0.0.1", "\"time server\""), "o.yaml:21:17: 'network.time_servers': 'time server' is neither a host name nor an address"},
      {changed("name: Alice Ambrose", "name: \"Alice\\nAmbrose\""), "o.yaml:5:9: 'customer.name' must be on one line"},
      {changed("offer: home\n", ""), "o.yaml:1:1: 'offer' is missing"},
      {changed("kind: new-machine", "kind: retrofit"), "o.yaml:9:3: 'machine.present' is missing"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(fault(text), message);
}

TEST(Order, NamesThePortsToOpenAndTheWirelessNetwork) {
  const std::string text = good + R"(  inbound:
    - {name: ssh, port: 22, protocol: tcp, from: [192.168.1.0/24, "2001:db8::/32"]}
    - {name: web, port: 443, protocol: tcp, from: [any]}
    - {name: web-udp, port: 443, protocol: udp, from: [any]}
  wifi: {ssid: "Café 2.4", passphrase_file: cafe.pass}
)";
  const auto order = load_order(text, "o.yaml", zones());
  ASSERT_TRUE(order) << order.error().text();
  ASSERT_EQ(order->network.inbound.size(), 3U);
  EXPECT_EQ(order->network.inbound[0].name, "ssh");
  EXPECT_EQ(order->network.inbound[0].port, 22);
  EXPECT_EQ(order->network.inbound[0].from, (std::vector<std::string>{"192.168.1.0/24", "2001:db8::/32"}));
  EXPECT_TRUE(order->network.inbound[1].from.empty()) << "from anywhere";
  EXPECT_EQ(order->network.inbound[2].transport, terms::Transport::Udp);
  ASSERT_TRUE(order->network.wifi);
  EXPECT_EQ(order->network.wifi->ssid, "Café 2.4");
  EXPECT_EQ(order->network.wifi->passphrase_file, "cafe.pass");
  EXPECT_FALSE(load_order(good, "o.yaml", zones())->network.wifi) << "absent unless ordered";
}

TEST(Order, NamesAModemAndBackupPowerOfTheModel) {
  const std::string text = changed("  memory: 256 MB\n", "  memory: 256 MB\n  modem: telephone\n  backup_power: ups\n");
  const auto order = load_order(text, "o.yaml", zones());
  ASSERT_TRUE(order) << order.error().text();
  EXPECT_EQ(order->ordered.modem, terms::Modem::Telephone);
  EXPECT_EQ(order->ordered.backup_power, terms::BackupPower::Ups);
  const Rules rules = *load_rules(LEASEBACK_SOURCE_DIR "/policies/rules");
  // 549 + 60 + 80 + 40, a modem for 35 and a UPS for 75
  EXPECT_EQ(order_in_full(rules, *order)->quote.list_price.text(), "839.00 USD");
  std::string battery = text;
  battery.replace(battery.find("ups\n"), 4, "battery\n");
  EXPECT_EQ(order_in_full(rules, *load_order(battery, "o.yaml", zones())).error().text(),
            "order 'home-alice': model 'home-pc' has no backup-power of battery; it offers none, ups");
  EXPECT_NE(fault(changed("  memory: 256 MB\n", "  memory: 256 MB\n  modem: acoustic\n")).find("must be one of: none, telephone, cellular"), std::string::npos);
}

TEST(Order, OpensNoPortByMistake) {
  const auto with = [](const std::string& port) { return fault(good + "  inbound:\n    - " + port + "\n"); };
  EXPECT_EQ(with("{name: ssh, port: 22, protocol: tcp}"), "o.yaml:23:7: 'network.inbound[1].from' is missing");
  EXPECT_EQ(with("{name: ssh, port: 22, protocol: tcp, from: []}").substr(0, 13), "o.yaml:23:50:");
  EXPECT_EQ(with("{name: ssh, port: 22, protocol: tcp, from: [192.168.1.5/24]}"),
            "o.yaml:23:50: 'network.inbound[1].from': '192.168.1.5/24' must be a network such as 192.168.1.0/24 with no bit set beyond its prefix, or the "
            "list [any]");
  EXPECT_NE(with("{name: ssh, port: 22, protocol: tcp, from: [any, 10.0.0.0/8]}").find("'any' must be a network"), std::string::npos);
  EXPECT_NE(with("{name: ssh, port: 70000, protocol: tcp, from: [any]}").find("'network.inbound[1].port'"), std::string::npos);
  EXPECT_NE(with("{name: ssh, port: 22, protocol: sctp, from: [any]}").find("must be one of: tcp, udp"), std::string::npos);
  EXPECT_NE(with("{name: ssh, port: 22, protocol: tcp, from: [any]}\n    - {name: other, port: 22, protocol: tcp, from: [10.0.0.0/8]}").find("opened twice"),
            std::string::npos);
  EXPECT_NE(fault(good + "  wifi: {ssid: home, passphrase: secret-word}\n").find("passphrase"), std::string::npos)
      << "an order holds no secret";
}

TEST(Order, OfARetrofitCannotTakeAway) {
  const std::string retrofit = changed("kind: new-machine", "kind: retrofit");
  const auto with_present = [&](const std::string& present) {
    std::string text = retrofit;
    return text.insert(text.find("offer:"), "  present: " + present + "\n");
  };
  EXPECT_EQ(fault(with_present("{disk: 20 GB, processor: 750 MHz, memory: 128 MB}")), "no fault");
  EXPECT_EQ(fault(with_present("{disk: 40 GB, processor: 750 MHz, memory: 128 MB}")),
            "o.yaml:11:9: 'machine.disk': a retrofit cannot order less than is there");
  std::string new_machine = good;
  new_machine.insert(new_machine.find("offer:"), "  present: {disk: 20 GB, processor: 750 MHz, memory: 128 MB}\n");
  EXPECT_NE(fault(new_machine).find("only a retrofit says what is there already"), std::string::npos);
}

TEST(Order, NamesOnlyWhatTheRulesHave) {
  const Rules rules = *load_rules(LEASEBACK_SOURCE_DIR "/policies/rules");
  const auto missing = [&](const std::string& text) { return order_in_full(rules, *load_order(text, "o.yaml", zones())).error(); };
  EXPECT_EQ(missing(changed("model: home-pc", "model: toaster")).text(),
            "order 'home-alice': there are no models 'toaster'; there is: business-workstation, home-pc");
  EXPECT_EQ(missing(changed("offer: home", "offer: nothing")).code, ErrorCode::NotFound);
  EXPECT_EQ(missing(changed("20 GB", "30 GB")).text(), "order 'home-alice': model 'home-pc' has no disk of 30 GB; it offers 20 GB, 40 GB, 80 GB");
}

TEST(ExampleOrders, AreAllQuotedByTheShippedRules) {
  const Rules rules = *load_rules(LEASEBACK_SOURCE_DIR "/policies/rules");
  int examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LEASEBACK_SOURCE_DIR "/provision/order/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    SCOPED_TRACE(entry.path().string());
    Result<terms::Order> order = load_order_file(entry.path().string(), zones());
    ASSERT_TRUE(order) << order.error().text();
    EXPECT_EQ(order->id.text, entry.path().stem().string());
    const Result<OrderInFull> full = order_in_full(rules, *std::move(order));
    ASSERT_TRUE(full) << full.error().text();
    EXPECT_EQ(full->quote.leased_disk.count == 0, full->order.lease == terms::LeaseChoice::DeclinedAtOrder);
    ++examples;
  }
  EXPECT_GE(examples, 6);
}

TEST(ExampleOrders, TheHomeOrderIsThatOfTheSourceDocument) {
  const Rules rules = *load_rules(LEASEBACK_SOURCE_DIR "/policies/rules");
  const OrderInFull full =
      *order_in_full(rules, *load_order_file(LEASEBACK_SOURCE_DIR "/provision/order/examples/home-alice.yaml", zones()));
  EXPECT_EQ(full.quote.ordered.disk, Bytes{20'000'000'000});
  EXPECT_EQ(full.quote.ordered.processor_mhz, 750);
  EXPECT_EQ(full.quote.given.disk, Bytes{40'000'000'000});
  EXPECT_EQ(full.quote.given.processor_mhz, 1000);
  EXPECT_EQ(full.terms.disk_share_percent, 15);
  EXPECT_EQ(full.terms.processor_hours.text(), "23:00-07:00");
  EXPECT_EQ(full.terms.powered_hours.text(), "22:00-05:00");
  EXPECT_EQ(full.quote.discount, part_of(full.quote.list_price, 15, 100));
}

}  // namespace
}  // namespace policies::loading
