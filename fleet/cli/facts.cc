#include "fleet/cli/facts.h"

#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"
#include "policies/command_line/table.h"

namespace fleet::cli {
namespace {

using command_line::Align;
using command_line::Table;

std::string age_text(const json::object& machine) {
  const std::string seconds = text_in(machine, "last_seen_age_seconds");
  return seconds == "-" ? "never" : text_in(machine, "last_seen") + " (" + seconds + " s ago)";
}

std::string and_why(const json::object& object, std::string_view fact, std::string_view reason) {
  const std::string why = text_in(object, reason);
  return text_in(object, fact) + (why == "-" ? "" : ": " + why);
}

void print_allocations(std::ostream& out, const json::object& machine, std::size_t width) {
  const json::array& allocations = list_in(machine, "allocations");
  if (allocations.empty()) return;
  out << "\nAllocations\n";
  Table table({{"  WHAT"}, {"SUBJECT"}, {"PORTION", Align::Right}, {"SINCE"}, {"UNTIL"}, {"ENDED BECAUSE"}});
  for (const json::value& value : allocations) {
    const json::object& allocation = value.as_object();
    table.row({"  " + text_in(allocation, "what"), text_in(allocation, "subject"), bytes_in(allocation, "portion_bytes"), text_in(allocation, "since"),
               text_in(allocation, "until"), text_in(allocation, "ended_because")});
  }
  out << table.text(width);
}

}  // namespace

void print_history(std::ostream& out, const json::object& thing, std::size_t width) {
  const json::array& history = list_in(thing, "history");
  if (history.empty()) return;
  out << "\nHistory\n";
  Table table({{"  AT"}, {"EVENT"}, {"STATE"}, {"BY"}, {"WHY"}});
  for (const json::value& value : history) {
    const json::object& step = value.as_object();
    table.row({"  " + text_in(step, "at"), text_in(step, "event"), text_in(step, "state"), text_in(step, "by"), text_in(step, "reason")});
  }
  out << table.text(width);
}

void print_machine(std::ostream& out, const json::object& machine, std::size_t width) {
  Table table({{""}, {""}});
  table.row({"Machine", text_in(machine, "machine")});
  table.row({"Serial, model, order", text_in(machine, "serial") + ", " + text_in(machine, "model") + ", " + text_in(machine, "order")});
  table.row({"State", text_in(machine, "state") + " since " + text_in(machine, "state_since")});
  if (machine.contains("given_up_at")) table.row({"Given up", and_why(machine, "given_up_at", "given_up_because")});
  if (text_in(machine, "draining") == "yes") table.row({"Draining", and_why(machine, "draining", "draining_because")});
  if (machine.contains("release_receipt")) table.row({"Release receipt", text_in(machine, "release_receipt")});
  table.row({"Owner", text_in(machine, "owner_name") + " (" + text_in(machine, "owner") + "), now " + text_in(machine, "owner_state")});
  table.row({"Agreement", text_in(machine, "agreement")});
  table.row({"Last seen", age_text(machine) + (text_in(machine, "online") == "yes" ? ", online" : ", offline")});
  table.row({"Processor window", text_in(machine, "window") + ", changes " + text_in(machine, "window_changes_at") + ", zone " + text_in(machine, "zone")});
  table.row({"Built", text_in(machine, "processor_mhz") + " MHz, " + bytes_in(machine, "memory_bytes") + " memory, " + text_in(machine, "operating_system")});
  table.row({"Agent", text_in(machine, "agent_version") + ", sandbox: " + text_in(machine, "sandbox")});
  table.row({"Lease", bytes_in(machine, "lease_bytes") + ", allocated " + bytes_in(machine, "allocated_bytes") + " in " + text_in(machine, "shards") + " shards"});
  table.row({"Work", text_in(machine, "running") + " assignments, " + text_in(machine, "odd_results") + " contradicted results"});
  table.row({"Earned", money_in(machine, "earned")});
  table.row({"Certificate until", text_in(machine, "certificate_expires")});
  out << table.text(width);
  print_allocations(out, machine, width);
  print_history(out, machine, width);
}

void print_agreement(std::ostream& out, const json::object& agreement, std::size_t width) {
  Table table({{""}, {""}});
  table.row({"Agreement", text_in(agreement, "agreement")});
  table.row({"State", text_in(agreement, "state") + " since " + text_in(agreement, "state_since")});
  table.row({"Owner", text_in(agreement, "owner_name") + " (" + text_in(agreement, "owner") + ")"});
  for (const json::value& machine : list_in(agreement, "machines")) table.row({"Machine", std::string(machine.as_string())});
  table.row({"Term", text_in(agreement, "starts_at") + " to " + text_in(agreement, "ends_at") + ", zone " + text_in(agreement, "zone")});
  table.row({"Terms", text_in(agreement, "terms") + " version " + text_in(agreement, "terms_version") + ", digest " + text_in(agreement, "terms_digest")});
  table.row({"Offer", text_in(agreement, "offer") + " version " + text_in(agreement, "offer_version")});
  if (const json::object* consent = object_in(agreement, "consent"))
    table.row({"Consent", text_in(*consent, "choice") + " by " + text_in(*consent, "answered_by") + " at " + text_in(*consent, "answered_at") + ", " +
                              text_in(*consent, "signatures") + " signatures"});
  for (const json::value& value : list_in(agreement, "incentives")) {
    const json::object& incentive = value.as_object();
    table.row({"Incentive", text_in(incentive, "text") + ": " + money_in(incentive, "value") + " " + text_in(incentive, "schedule")});
  }
  if (const json::object* renewal = object_in(agreement, "renewal"))
    table.row({"Renewal", text_in(*renewal, "offer") + ": " + text_in(*renewal, "state") + ", offered " + text_in(*renewal, "offered_at") + ", answer by " +
                              text_in(*renewal, "answer_by")});
  if (agreement.contains("follows")) table.row({"Renews", text_in(agreement, "follows")});
  if (agreement.contains("followed_by")) table.row({"Renewed by", text_in(agreement, "followed_by")});
  out << table.text(width) << "\nTerms in words\n" << command_line::wrapped(text_in(agreement, "terms_text"), width == 0 ? 100 : width, 2);
  print_history(out, agreement, width);
}

}  // namespace fleet::cli
