// The page a buyer reads before deciding: what the computer costs with and without the lease, and what is leased.
#include <algorithm>
#include <ostream>

#include "policies/cli/commands.h"
#include "policies/command_line/table.h"
#include "policies/loading/loading.h"
#include "policies/vocabulary/json_text.h"

namespace policies::cli {
namespace {

using command_line::Align;
using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;
using command_line::Table;
using terms::Component;

struct OrderQuoteOptions {
  std::vector<std::string> files;
  std::string rules;
  bool json = false;
};

void declare(OrderQuoteOptions& options, OptionList& list) {
  list.words("FILE", options.files, "orders to quote");
  declare_rules(options.rules, list);
  list.json(options.json);
}

// Whole MiB are how a disk is cut; decimal gigabytes are how it is sold. "6 GB", "3.2 GB".
std::string sold_size(Bytes size) {
  const std::uint64_t tenths = (size.count + 50'000'000) / 100'000'000;
  const std::string tenth = tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10);
  return std::to_string(tenths / 10) + tenth + " GB";
}

std::string schedule_text(terms::Schedule schedule) { return schedule == terms::Schedule::Once ? "once" : "each month"; }

std::string hours_text(const terms::DailyWindow& window, const std::string& zone) {
  return window.is_always() ? "always" : window.text() + ", by the clock of " + zone;
}

std::string answer_text(terms::LeaseChoice choice) {
  switch (choice) {
    case terms::LeaseChoice::AgreedAtOrder: return "agreed with this order";
    case terms::LeaseChoice::DeclinedAtOrder: return "declined with this order";
    case terms::LeaseChoice::OpenUntilFirstBoot: return "asked at first boot; until then nothing is leased";
  }
  std::abort();
}

std::string machine_page(const loading::OrderInFull& full) {
  const pricing::Quote& quote = full.quote;
  const bool retrofit = full.order.kind == terms::OrderKind::Retrofit;
  Table parts({{"  " + full.model.name + " " + full.order.serial}, {"ordered", Align::Right}, {"given", Align::Right}});
  if (retrofit) parts = Table({{"  " + full.model.name + " " + full.order.serial}, {"present", Align::Right}, {"ordered", Align::Right}, {"given", Align::Right}});
  for (const auto& [component, title] : {std::pair(Component::Disk, "  Disk"), {Component::Processor, "  Processor"}, {Component::Memory, "  Memory"},
                                         {Component::Modem, "  Modem"}, {Component::BackupPower, "  Backup power"}}) {
    const bool optional = component == Component::Modem || component == Component::BackupPower;
    const bool none = amount_of(quote.given, component) == 0 && (!retrofit || amount_of(*full.order.present, component) == 0);
    if (optional && none) continue;
    std::vector<std::string> cells{title};
    if (retrofit) cells.push_back(amount_text(component, amount_of(*full.order.present, component)));
    cells.push_back(amount_text(component, amount_of(quote.ordered, component)));
    cells.push_back(amount_text(component, amount_of(quote.given, component)));
    parts.row(std::move(cells));
  }
  Table price({{""}, {"", Align::Right}});
  price.row({retrofit ? "  Price of the upgrade" : "  List price", quote.list_price.text()});
  if (quote.discount.minor_units() != 0) price.row({"  Discount", (-quote.discount).text()});
  price.row({"  You pay", quote.price_to_pay.text()});
  return parts.text() + "\n" + price.text();
}

std::string lease_page(const loading::OrderInFull& full, std::size_t width) {
  const pricing::Quote& quote = full.quote;
  if (quote.terms_id.empty()) return "\n  Nothing is leased: all of the disk and all hours are yours, and no agent is installed.\n";
  std::string page = "\n  What you get for it\n";
  Table incentives({{""}, {"", Align::Right}, {""}});
  for (const pricing::QuotedIncentive& given : quote.incentives)
    incentives.row({"    " + given.incentive.text, given.value.text(), schedule_text(given.incentive.schedule)});
  if (quote.value_once.minor_units() != 0) incentives.row({"    Together", quote.value_once.text(), "once"});
  if (quote.value_monthly.minor_units() != 0)
    incentives.row({quote.value_once.minor_units() != 0 ? "    and" : "    Together", quote.value_monthly.text(), "each month"});
  page += incentives.text(width) + "\n  What you lease back\n";
  Table lease({{""}, {""}});
  lease.row({"    Disk", sold_size(quote.leased_disk) + " of " + quote.given.disk.text() + " (" + std::to_string(full.terms.disk_share_percent) + " %), hidden and encrypted"});
  lease.row({"    Processor", hours_text(full.terms.processor_hours, full.order.zone)});
  lease.row({"    Switched on", hours_text(full.terms.powered_hours, full.order.zone)});
  lease.row({"    For", std::to_string(full.terms.length.count()) + " days; you may leave with " + std::to_string(full.terms.notice.count()) + " days' notice"});
  lease.row({"    Terms", full.terms.id.text + " version " + std::to_string(full.terms.version) + " (leaseback-policy terms show " + full.terms.id.text + ")"});
  lease.row({"    Your answer", answer_text(full.order.lease)});
  return page + lease.text(width);
}

void print_page(const loading::OrderInFull& full, Streams& streams) {
  streams.out << "Order " << full.order.id.text << " for " << full.order.customer_name << ", " << full.order.site << "\n\n"
              << machine_page(full) << lease_page(full, streams.width);
}

void write_hardware(JsonText& json, std::string_view key, const terms::Hardware& hardware) {
  json.key(key).object().key("disk_bytes").bytes(hardware.disk).key("processor_mhz").number(hardware.processor_mhz);
  json.key("memory_bytes").bytes(hardware.memory).key("modem").text(name_of(hardware.modem));
  json.key("backup_power").text(name_of(hardware.backup_power)).end();
}

void write_json(JsonText& json, const loading::OrderInFull& full) {
  const pricing::Quote& quote = full.quote;
  json.object().key("order").id(full.order.id).key("kind").text(name_of(full.order.kind)).key("customer").id(full.order.customer);
  json.key("customer_name").text(full.order.customer_name).key("site").text(full.order.site).key("zone").text(full.order.zone);
  json.key("serial").text(full.order.serial).key("model").id(full.model.id).key("lease").text(name_of(full.order.lease));
  if (full.order.present) write_hardware(json, "present", *full.order.present);
  write_hardware(json, "ordered", quote.ordered);
  write_hardware(json, "given", quote.given);
  json.key("list_price").money(quote.list_price).key("discount").money(quote.discount).key("price_to_pay").money(quote.price_to_pay);
  json.key("offer").id(full.offer.id).key("offer_version").number(full.offer.version).key("incentives").array();
  for (const pricing::QuotedIncentive& given : quote.incentives) {
    json.object().key("kind").text(name_of(given.incentive.kind)).key("value").money(given.value);
    json.key("schedule").text(name_of(given.incentive.schedule)).key("text").text(given.incentive.text).end();
  }
  json.end().key("value_once").money(quote.value_once).key("value_monthly").money(quote.value_monthly);
  json.key("leased_disk_bytes").bytes(quote.leased_disk).key("terms");
  if (quote.terms_id.empty()) {
    json.null().end();
    return;
  }
  json.object().key("id").id(full.terms.id).key("version").number(full.terms.version);
  json.key("disk_share_percent").number(full.terms.disk_share_percent);
  json.key("processor_hours").text(full.terms.processor_hours.text()).key("powered_hours").text(full.terms.powered_hours.text());
  json.key("length_days").number(full.terms.length.count()).key("notice_days").number(full.terms.notice.count()).end().end();
}

Result<loading::OrderInFull> quoted(const std::string& file, const loading::Rules& rules, const Ports& ports) {
  Result<terms::Order> order = loading::load_order_file(file, ports.zones);
  if (!order) return order.error();
  Result<loading::OrderInFull> full = loading::order_in_full(rules, *std::move(order));
  if (!full) return std::move(full).error().within(file);
  return full;
}

Result<ExitCode> run(const OrderQuoteOptions& options, const Ports& ports, Streams& streams) {
  Result<loading::Rules> rules = loading::load_rules(rules_folder(options.rules));
  if (!rules) return rules.error();
  JsonText json(JsonLayout::Indented);
  json.object().key("orders").array();
  std::size_t done = 0;
  for (const std::string& file : options.files) {
    Result<loading::OrderInFull> full = quoted(file, *rules, ports);
    if (!full) {
      streams.err << "leaseback-policy: " << full.error().text() << "\n";
      continue;
    }
    if (options.json) {
      write_json(json, *full);
    } else {
      if (done > 0) streams.out << "\n" << std::string(72, '-') << "\n\n";
      print_page(*full, streams);
    }
    ++done;
  }
  if (options.json) streams.out << json.end().end().finished() << "\n";
  if (done == options.files.size()) return ExitCode::Done;
  return done == 0 ? ExitCode::Failed : ExitCode::PartlyDone;
}

}  // namespace

command_line::Command order_quote_command(const Ports& ports) {
  return command_line::command<OrderQuoteOptions>(
      {.noun = "order",
       .verb = "quote",
       .summary = "show what orders cost, what they bring and what is leased",
       .description = "For each order: the computer as ordered and as given, its price, every incentive with its value, and what the "
                      "customer leases back under which terms. An order that leaves the answer to first boot is quoted as if accepted.",
       .examples = {"leaseback-policy order quote provision/order/examples/*.yaml"},
       .exits = {{ExitCode::PartlyDone, "some orders are at fault, the others are quoted"}}},
      declare, [&ports](const OrderQuoteOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace policies::cli
