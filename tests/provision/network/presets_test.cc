// Goal: what an order says about the network is right or refused by name. Method: one value wrong at a time.
#include "provision/network/presets.h"

namespace provision::network {
namespace {

Presets office() {
  return {.host_name = "front-desk.example",
          .fixed = FixedAddress{"192.0.2.10/24", "192.0.2.1"},
          .name_servers = {"192.0.2.53", "2001:db8::53"},
          .time_servers = {"time.example"},
          .inbound = {{22, Protocol::Tcp}},
          .controller_port = 8443};
}

TEST(Presets, TakesWhatIsRight) {
  const auto presets = checked(office());
  ASSERT_TRUE(presets);
  EXPECT_EQ(*presets, office());
}

struct Wrong {
  std::string name;
  std::function<void(Presets&)> breaks;
  std::string named;  // in the error
};

TEST(Presets, NamesTheValueThatIsWrong) {
  const std::vector<Wrong> cases = {
      {"empty host name", [](Presets& p) { p.host_name = ""; }, "host name"},
      {"space in host name", [](Presets& p) { p.host_name = "front desk"; }, "front desk"},
      {"newline in host name", [](Presets& p) { p.host_name = "desk\nroot"; }, "host name"},
      {"hyphen first", [](Presets& p) { p.host_name = "-desk"; }, "-desk"},
      {"hyphen last in label", [](Presets& p) { p.host_name = "desk-.example"; }, "desk-.example"},
      {"long label", [](Presets& p) { p.host_name = std::string(64, 'a'); }, "at most 63"},
      {"dot last", [](Presets& p) { p.host_name = "desk."; }, "desk."},
      {"no prefix", [](Presets& p) { p.fixed->address = "192.0.2.10"; }, "192.0.2.10"},
      {"prefix too long", [](Presets& p) { p.fixed->address = "192.0.2.10/33"; }, "1 to 32"},
      {"prefix zero", [](Presets& p) { p.fixed->address = "192.0.2.10/0"; }, "1 to 32"},
      {"not an address", [](Presets& p) { p.fixed->address = "300.0.2.10/24"; }, "300.0.2.10"},
      {"gateway of other family", [](Presets& p) { p.fixed->gateway = "2001:db8::1"; }, "2001:db8::1"},
      {"name server by name", [](Presets& p) { p.name_servers = {"dns.example"}; }, "dns.example"},
      {"name server twice",
       [](Presets& p) {
         p.name_servers = {"192.0.2.1", "192.0.2.1"};
       },
       "twice"},
      {"time server with space", [](Presets& p) { p.time_servers = {"a b"}; }, "a b"},
      {"too many time servers",
       [](Presets& p) {
         for (int i = 0; i < 9; ++i) p.time_servers.push_back(std::to_string(i) + ".example");
       },
       "too many"},
      {"port zero",
       [](Presets& p) {
         p.inbound = {{0, Protocol::Udp}};
       },
       "port 0"},
      {"port twice",
       [](Presets& p) {
         p.inbound = {{22, Protocol::Tcp, "one", {"192.0.2.0/24"}}, {22, Protocol::Tcp, "two"}};
       },
       "22/tcp"},
      {"port name that would end a comment",
       [](Presets& p) {
         p.inbound = {{22, Protocol::Tcp, "a\" drop"}};
       },
       "a\" drop"},
      {"machine in place of a network",
       [](Presets& p) {
         p.inbound = {{22, Protocol::Tcp, "ssh", {"192.0.2.1/24"}}};
       },
       "192.0.2.1/24"},
      {"no network",
       [](Presets& p) {
         p.inbound = {{22, Protocol::Tcp, "ssh", {"everywhere"}}};
       },
       "everywhere"},
      {"network of all",
       [](Presets& p) {
         p.inbound = {{22, Protocol::Tcp, "ssh", {"::/0"}}};
       },
       "::/0"},
      {"short passphrase", [](Presets& p) { p.wifi = Wifi{"home", "secret"}; }, "(6 bytes)"},
      {"newline in a network's name", [](Presets& p) { p.wifi = Wifi{"ho\nme", ""}; }, "control characters"},
  };
  for (const Wrong& wrong : cases) {
    Presets presets = office();
    wrong.breaks(presets);
    const auto result = checked(presets);
    ASSERT_FALSE(result) << wrong.name;
    EXPECT_EQ(result.error().code, ErrorCode::InvalidInput);
    EXPECT_NE(result.error().text().find(wrong.named), std::string::npos)
        << wrong.name << ": " << result.error().text();
  }
}

TEST(Presets, NeverRepeatASecret) {
  Presets presets = office();
  presets.wifi = Wifi{"home", "tell\tno-one"};
  EXPECT_EQ(checked(presets).error().text().find("no-one"), std::string::npos);
  presets.wifi->passphrase = std::string(64, 'f');
  EXPECT_TRUE(checked(presets)) << "the key itself";
}

TEST(InboundPort, ReadsPortsAndRefusesTheRest) {
  EXPECT_EQ(*inbound_port_from("22"), (InboundPort{22, Protocol::Tcp}));
  EXPECT_EQ(*inbound_port_from("53/udp"), (InboundPort{53, Protocol::Udp}));
  for (const char* text : {"", "0", "65536", "22/sctp", "-1", "22 ", "0x16", "/tcp"})
    EXPECT_FALSE(inbound_port_from(text)) << text;
}

TEST(ControllerUrl, GivesThePortThatTheAgentCalls) {
  EXPECT_EQ(*port_of_url("https://fleet.example"), 443);
  EXPECT_EQ(*port_of_url("https://127.0.0.1:8443/"), 8443);
  EXPECT_EQ(*port_of_url("https://[2001:db8::1]:9443/v1"), 9443);
  EXPECT_EQ(*port_of_url("https://[2001:db8::1]"), 443);
  for (const char* text : {"", "http://fleet.example", "https://", "https://:443", "https://a:b", "https://a:70000",
                           "https://[2001:db8::1", "https://a\nb", "https://user@host"})
    EXPECT_FALSE(port_of_url(text)) << text;
}

}  // namespace
}  // namespace provision::network
