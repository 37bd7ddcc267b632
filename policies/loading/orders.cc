#include <algorithm>

#include "policies/loading/hardware_text.h"
#include "policies/loading/loading.h"
#include "policies/loading/network_section.h"
#include "policies/loading/strict_yaml.h"

namespace policies::loading {
namespace {

using terms::LeaseChoice;
using terms::Order;
using terms::OrderKind;

bool is_serial(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
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
  if (order.ordered.modem == terms::Modem::None && order.present->modem != terms::Modem::None)
    machine.refuse("modem", "a retrofit cannot take away what is there; name it here too");
  if (order.ordered.backup_power == terms::BackupPower::None && order.present->backup_power != terms::BackupPower::None)
    machine.refuse("backup_power", "a retrofit cannot take away what is there; name it here too");
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
