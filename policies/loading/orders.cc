#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "policies/loading/hardware_text.h"
#include "policies/loading/loading.h"
#include "policies/loading/strict_yaml.h"

namespace policies::loading {
namespace {

using terms::Component;
using terms::Hardware;
using terms::LeaseChoice;
using terms::NetworkPresets;
using terms::Order;
using terms::OrderKind;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_hostname_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && is_alphanumeric(label.front()) && is_alphanumeric(label.back()) &&
         std::all_of(label.begin(), label.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_dotted_name(std::string_view name) {
  if (name.size() > 253) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    if (!is_hostname_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// 32 or 128 for an IPv4 or IPv6 address, 0 for neither.
int address_bits(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  if (inet_pton(AF_INET, text.c_str(), parsed.data()) == 1) return 32;
  if (inet_pton(AF_INET6, text.c_str(), parsed.data()) == 1) return 128;
  return 0;
}

// "192.168.1.20/24"
bool is_address_with_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const int bits = address_bits(std::string(text.substr(0, slash)));
  const std::string_view digits = text.substr(slash + 1);
  if (bits == 0 || digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
  const int prefix = std::stoi(std::string(digits));
  return prefix >= 1 && prefix <= bits && (digits.front() != '0');
}

bool is_serial(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

NetworkPresets network_from(Section section) {
  NetworkPresets network;
  network.hostname = section.text("hostname", {1, 63});
  if (!network.hostname.empty() && !is_hostname_label(network.hostname))
    section.refuse("hostname", "'" + network.hostname + "' must be lower-case letters, digits and inner '-'");
  const std::string address = section.text("address", {1, 60});
  if (address != "dhcp") network.address = address;
  if (!address.empty() && address != "dhcp" && !is_address_with_prefix(address))
    section.refuse("address", "'" + address + "' must be 'dhcp' or an address with its prefix length such as 192.168.1.20/24");
  network.gateway = section.optional_text("gateway", {1, 45});
  if (network.gateway && !network.gateway->empty() && address_bits(*network.gateway) == 0)
    section.refuse("gateway", "'" + *network.gateway + "' is not an address");
  if (network.gateway && !network.address) section.refuse("gateway", "with DHCP the network names its own gateway; leave this out");
  network.name_servers = section.texts_or_none("name_servers", 3, {1, 45});
  for (const std::string& server : network.name_servers)
    if (!server.empty() && address_bits(server) == 0) section.refuse("name_servers", "'" + server + "' is not an address");
  network.time_servers = section.texts_or_none("time_servers", 4, {1, 253});
  for (const std::string& server : network.time_servers)
    if (!server.empty() && address_bits(server) == 0 && !is_dotted_name(server))
      section.refuse("time_servers", "'" + server + "' is neither a host name nor an address");
  return network;
}

Hardware hardware_from(Section& section) {
  return {Bytes{read_amount(section, "disk", Component::Disk)},
          static_cast<std::int64_t>(read_amount(section, "processor", Component::Processor)),
          Bytes{read_amount(section, "memory", Component::Memory)}};
}

void read_zone(Section& root, Order& order, const terms::ZoneRules& zones) {
  order.zone = root.text("zone", {1, 64});
  if (order.zone.empty()) return;
  if (Result<const terms::Zone*> zone = zones.zone(order.zone); !zone) root.refuse("zone", zone.error().message);
}

// A retrofit adds to a machine that is there: nothing may shrink, or we would be ordering the loss of the customer's files.
void read_present(Section& machine, Order& order) {
  if (order.kind == OrderKind::NewMachine) {
    if (machine.has("present")) machine.refuse("present", "only a retrofit says what is there already");
    return;
  }
  Section present = machine.section("present");
  order.present = hardware_from(present);
  if (order.ordered.disk < order.present->disk) machine.refuse("disk", "a retrofit cannot order less than is there");
  if (order.ordered.processor_mhz < order.present->processor_mhz) machine.refuse("processor", "a retrofit cannot order less than is there");
  if (order.ordered.memory < order.present->memory) machine.refuse("memory", "a retrofit cannot order less than is there");
}

}  // namespace

Result<Order> load_order(std::string_view text, std::string file, const terms::ZoneRules& zones) {
  Result<StrictYaml> yaml = StrictYaml::parse(text, std::move(file));
  if (!yaml) return yaml.error();
  Section root = yaml->root();
  Order order;
  order.id.text = root.name("order");
  order.kind = root.one_of<OrderKind>("kind", {{"new-machine", OrderKind::NewMachine}, {"retrofit", OrderKind::Retrofit}});
  Section customer = root.section("customer");
  order.customer.text = customer.name("id");
  order.customer_name = customer.text("name", {1, 100});
  order.site = customer.text("site", {1, 100});
  read_zone(root, order, zones);
  Section machine = root.section("machine");
  order.serial = machine.text("serial", {1, 32});
  if (!order.serial.empty() && !is_serial(order.serial)) machine.refuse("serial", "'" + order.serial + "' must be capital letters, digits and '-'");
  order.model.text = machine.name("model");
  order.ordered = hardware_from(machine);
  read_present(machine, order);
  order.offer.text = root.name("offer");
  order.lease = root.one_of<LeaseChoice>("lease", {{"agreed-at-order", LeaseChoice::AgreedAtOrder},
                                                   {"declined-at-order", LeaseChoice::DeclinedAtOrder},
                                                   {"open-until-first-boot", LeaseChoice::OpenUntilFirstBoot}});
  order.network = network_from(root.section("network"));
  if (Done whole = yaml->finish(); !whole) return whole.error();
  return order;
}

Result<Order> load_order_file(const std::string& path, const terms::ZoneRules& zones) {
  Result<std::string> text = read_text_file(path);
  if (!text) return text.error();
  return load_order(*text, path, zones);
}

Result<OrderInFull> order_in_full(const Rules& rules, Order order) {
  const std::string doing = "order '" + order.id.text + "'";
  Result<const terms::Model*> model = rules.find_model(order.model);
  if (!model) return std::move(model).error().within(doing);
  Result<const terms::Offer*> offer = rules.find_offer(order.offer);
  if (!offer) return std::move(offer).error().within(doing);
  Result<const terms::Terms*> terms = rules.find_terms((*offer)->terms);
  if (!terms) return std::move(terms).error().within(doing);
  Result<pricing::Quote> quote = pricing::quote(order, **model, **offer, **terms);
  if (!quote) return std::move(quote).error().within(doing);
  return OrderInFull{std::move(order), **model, **offer, **terms, *std::move(quote)};
}

}  // namespace policies::loading
