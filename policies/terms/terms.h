// An agreement's content, before anybody has agreed: what the customer furnishes and when, what they get for it, and what
// they ordered. Plain values, filled by policies/loading, which has checked every range stated here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/terms/daily_window.h"
#include "policies/terms/hardware.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/money.h"

namespace policies::terms {
using namespace policies::vocabulary;

// One thing that breaks the agreement, and what it costs the customer each time it is found and not cured in the grace days.
struct BreachRule {
  std::string id;    // "machine-off", unique within the terms
  std::string what;  // for people: "The machine was off for more than ..."
  Money cost;        // 0 or more
};

// What the customer furnishes. Hours are local to the machine's zone, which the order names.
struct Terms {
  TermsId id;
  std::int64_t version = 0;                // 1 or more
  std::string dated;                       // "2026-11-21"
  std::string title;                       // for people
  std::int64_t disk_share_percent = 0;     // of each disk, 1..90
  DailyWindow processor_hours;             // when leased work may run
  DailyWindow powered_hours;               // when the customer promises that the machine is on
  std::int64_t memory_ceiling_percent = 0;     // 1..100 of the machine's memory, while leased work runs
  std::int64_t processor_ceiling_percent = 0;  // 1..100 of the machine's processor, while leased work runs
  Bytes network_per_month;                 // both directions together, 1 MB or more
  std::chrono::days length{};              // 1..3650
  std::chrono::days notice{};              // 0..365: by either side, to end the agreement before its time
  std::chrono::days grace{};               // 0..90: to cure a breach
  std::chrono::days renewal_lead{};        // 1..length: how long before the end a renewal is offered
  std::vector<BreachRule> breaches;        // at least one
  std::string summary;                     // plain language, for the customer
};

// When the machine is both promised to be on and open to leased work: what compliance may hold the customer to. Work may
// run in all of `processor_hours` whenever the machine happens to be on. Empty when the two never meet.
std::vector<DailyWindow> promised(const Terms& terms);

// Everything that binds the customer, in `zone` (IANA name), as text that is the same on every machine and for ever; its
// SHA-256 is the terms digest of vouchers and consent records. JSON, keys in a fixed order, a trailing newline.
std::string canonical_text(const Terms& terms, std::string_view zone);

// The terms on one page for people, without any markup; lines are not wrapped.
std::string plain_text(const Terms& terms);

enum class IncentiveKind { Discount, HardwareUpgrade, MonthlyPayment, FreeSupport, InternetService, WebHosting };
std::string_view name_of(IncentiveKind kind);  // "discount", "hardware-upgrade", ...

enum class Schedule { Once, Monthly };
std::string_view name_of(Schedule schedule);  // "once", "monthly"

// More of one component than was ordered: whoever orders `from` is given `to`.
struct Upgrade {
  Component component = Component::Disk;
  std::uint64_t from = 0;  // as in amount_of
  std::uint64_t to = 0;    // more than `from`
};

struct Incentive {
  IncentiveKind kind = IncentiveKind::Discount;
  std::int64_t percent = 0;        // Discount: 1..100 of the list price; else 0
  std::optional<Upgrade> upgrade;  // HardwareUpgrade only; its value is the difference of the model's option prices
  Money value;                     // the other kinds: what it is worth, each time the schedule comes round
  Schedule schedule = Schedule::Once;
  std::string text;                // for people
};

struct Offer {
  OfferId id;
  std::int64_t version = 0;
  std::string dated;
  std::string title;
  TermsId terms;
  std::vector<Incentive> incentives;     // at least one
  std::optional<OfferId> renewal_offer;  // what is offered when the term nears its end: the second incentive
};

enum class LeaseChoice { AgreedAtOrder, DeclinedAtOrder, OpenUntilFirstBoot };
std::string_view name_of(LeaseChoice choice);  // "agreed-at-order", "declined-at-order", "open-until-first-boot"

enum class OrderKind { NewMachine, Retrofit };
std::string_view name_of(OrderKind kind);  // "new-machine", "retrofit"

enum class Transport { Tcp, Udp };
std::string_view name_of(Transport transport);  // "tcp", "udp"

// A service of the customer's that others may reach; the firewall lets in nothing else.
struct OrderedPort {
  std::string name;                 // lower-case letters, digits and inner '-', 1..32; of one order each once
  std::uint16_t port = 0;           // 1..65535; with its transport each once
  Transport transport = Transport::Tcp;
  std::vector<std::string> from;    // networks, "192.168.1.0/24", up to 16; empty: from anywhere
};

// Present only when ordered. An order holds no secret: the passphrase is in a file of its own, named from the order's folder.
struct OrderedWifi {
  std::string ssid;                            // 1..32 bytes
  std::optional<std::string> passphrase_file;  // none: an open network
};

// Settings that the machine leaves the factory with. Addresses are checked IPv4 or IPv6 texts.
struct NetworkPresets {
  std::string hostname;                    // RFC 1123 label, 1..63 characters
  std::optional<std::string> address;      // with prefix length, "192.168.1.20/24"; none means DHCP
  std::optional<std::string> gateway;      // only with an address
  std::vector<std::string> name_servers;   // up to 3; empty: as DHCP says
  std::vector<std::string> time_servers;   // NTP, names or addresses, up to 4
  std::vector<OrderedPort> inbound;        // up to 32
  std::optional<OrderedWifi> wifi;
};

struct Order {
  OrderId id;
  OrderKind kind = OrderKind::NewMachine;
  PartyId customer;
  std::string customer_name;
  std::string site;                 // free text for people; machines of one site may share one agreement
  std::string zone;                 // IANA name, "America/Chicago"
  std::string serial;               // of the machine: 1..32 of A-Z 0-9 -
  ModelId model;
  Hardware ordered;                 // before incentives; for a retrofit: after the upgrade that was bought
  std::optional<Hardware> present;  // retrofit only: what the machine has now
  OfferId offer;
  LeaseChoice lease = LeaseChoice::OpenUntilFirstBoot;
  NetworkPresets network;
};

}  // namespace policies::terms
