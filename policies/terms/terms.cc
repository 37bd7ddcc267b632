#include "policies/terms/terms.h"

#include <cstdlib>

#include "policies/vocabulary/json_text.h"

namespace policies::terms {
namespace {

std::string days_text(std::chrono::days days) {
  return std::to_string(days.count()) + (days.count() == 1 ? " day" : " days");
}

std::string hours_text(const DailyWindow& window) {
  return window.is_always() ? "at any hour" : "from " + window.text().substr(0, 5) + " to " + window.text().substr(6);
}

}  // namespace

std::vector<DailyWindow> promised(const Terms& terms) { return intersection(terms.processor_hours, terms.powered_hours); }

std::string canonical_text(const Terms& terms, std::string_view zone) {
  JsonText json;
  json.object();
  json.key("format").text("leaseback-terms-1");
  json.key("id").id(terms.id).key("version").number(terms.version).key("dated").text(terms.dated);
  json.key("title").text(terms.title).key("zone").text(zone);
  json.key("disk_share_percent").number(terms.disk_share_percent);
  json.key("processor_hours").text(terms.processor_hours.text());
  json.key("powered_hours").text(terms.powered_hours.text());
  json.key("memory_ceiling_percent").number(terms.memory_ceiling_percent);
  json.key("processor_ceiling_percent").number(terms.processor_ceiling_percent);
  json.key("network_bytes_per_month").bytes(terms.network_per_month);
  json.key("length_days").number(terms.length.count()).key("notice_days").number(terms.notice.count());
  json.key("grace_days").number(terms.grace.count()).key("renewal_lead_days").number(terms.renewal_lead.count());
  json.key("breaches").array();
  for (const BreachRule& breach : terms.breaches)
    json.object().key("id").text(breach.id).key("what").text(breach.what).key("cost").money(breach.cost).end();
  json.end();
  json.key("summary").text(terms.summary);
  json.end();
  return json.finished() + "\n";
}

std::string plain_text(const Terms& terms) {
  std::string text = terms.title + "\n";
  text += terms.id.text + ", version " + std::to_string(terms.version) + " of " + terms.dated + "\n\n";
  text += terms.summary + (terms.summary.ends_with('\n') ? "\n" : "\n\n");
  text += "What you lease back\n";
  text += "  Disk       " + std::to_string(terms.disk_share_percent) + " % of each disk, as a hidden and encrypted part of its own\n";
  text += "  Processor  " + hours_text(terms.processor_hours) + " local time, at most " +
          std::to_string(terms.processor_ceiling_percent) + " %, and only while you do not use the machine\n";
  text += "  Memory     at most " + std::to_string(terms.memory_ceiling_percent) + " %, only while leased work runs\n";
  text += "  Network    at most " + terms.network_per_month.text() + " a month, both directions together\n\n";
  text += "What you promise\n";
  text += "  The machine is on " + hours_text(terms.powered_hours) + " local time.\n";
  const std::vector<DailyWindow> both = promised(terms);
  if (both.empty()) {
    text += "  The two times never meet, so no leased work is ever owed.\n\n";
  } else {
    std::string when;
    for (const DailyWindow& window : both) when += (when.empty() ? "" : " and ") + hours_text(window);
    text += "  So leased work can count on it " + when + "; at other leased hours only if it happens to be on.\n\n";
  }
  text += "How long\n";
  text += "  " + days_text(terms.length) + " from the first leased day. You or we may end it sooner with " + days_text(terms.notice) +
          "' notice.\n";
  text += "  " + days_text(terms.renewal_lead) + " before the end you are offered a renewal. If you do not want it, all space is yours again.\n\n";
  text += "What breaks the agreement\n";
  for (const BreachRule& breach : terms.breaches)
    text += "  " + breach.what + " Cost if not cured: " + (breach.cost.minor_units() == 0 ? "none" : breach.cost.text()) + ".\n";
  text += "  You are told at once, with the evidence, and have " + days_text(terms.grace) + " to cure it. After that the incentives end.\n";
  return text;
}

std::string_view name_of(IncentiveKind kind) {
  switch (kind) {
    case IncentiveKind::Discount: return "discount";
    case IncentiveKind::HardwareUpgrade: return "hardware-upgrade";
    case IncentiveKind::MonthlyPayment: return "monthly-payment";
    case IncentiveKind::FreeSupport: return "free-support";
    case IncentiveKind::InternetService: return "internet-service";
    case IncentiveKind::WebHosting: return "web-hosting";
  }
  std::abort();
}

std::string_view name_of(Schedule schedule) { return schedule == Schedule::Once ? "once" : "monthly"; }

std::string_view name_of(LeaseChoice choice) {
  switch (choice) {
    case LeaseChoice::AgreedAtOrder: return "agreed-at-order";
    case LeaseChoice::DeclinedAtOrder: return "declined-at-order";
    case LeaseChoice::OpenUntilFirstBoot: return "open-until-first-boot";
  }
  std::abort();
}

std::string_view name_of(Transport transport) { return transport == Transport::Tcp ? "tcp" : "udp"; }

std::string_view name_of(OrderKind kind) { return kind == OrderKind::NewMachine ? "new-machine" : "retrofit"; }

}  // namespace policies::terms
