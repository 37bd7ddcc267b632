#include "provision/run/quarantine.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "policies/vocabulary/json_text.h"

namespace provision::run {
namespace {

namespace json = boost::json;

constexpr std::string_view mark_format = "leaseback-quarantine-1";
constexpr std::size_t reason_max = 1024;

std::string fact_of(const Entry& entry, const std::string& name) {
  const auto fact = entry.facts.find(name);
  return fact == entry.facts.end() ? std::string() : fact->second;
}

bool text_into(const json::object& object, std::string_view key, std::string& into) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string() || value->get_string().size() > reason_max) return false;
  into = std::string(value->get_string());
  return true;
}

// Not within a character of UTF-8.
std::string shortened(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  text.resize(limit);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  return text;
}

}  // namespace

bool speaks_against_disk(ErrorCode cause) { return cause == ErrorCode::Corrupt || cause == ErrorCode::IoFailure; }

std::optional<Quarantine> quarantine_of(const std::vector<Entry>& entries) {
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->kind == EntryKind::Fact && entry->step == quarantine_cleared) return std::nullopt;
    if (entry->kind != EntryKind::Failure) continue;
    const std::string cause = fact_of(*entry, "cause");
    for (const ErrorCode code : {ErrorCode::Corrupt, ErrorCode::IoFailure})
      if (cause == policies::vocabulary::name_of(code)) return Quarantine{fact_of(*entry, "reason"), entry->at};
  }
  return std::nullopt;
}

std::string text_of(const QuarantineMark& mark) {
  JsonText text;
  text.object().key("format").text(mark_format).key("line").text(mark.line).key("order").text(mark.order).key("serial").text(mark.serial);
  // Control characters take six bytes each: the note has room for 3 KiB.
  std::string reason = shortened(mark.reason, reason_max / 2);
  for (char& c : reason)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return text.key("reason").text(reason).key("since").instant(mark.since).end().finished();
}

Result<QuarantineMark> quarantine_mark_from(std::string_view text) {
  const Error refused{ErrorCode::Corrupt, "the note on the disk is not one of a quarantine", {}};
  json::error_code problem;
  json::parse_options options;
  options.max_depth = 2;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), problem, {}, options);
  if (problem || !parsed.is_object()) return refused;
  const json::object& object = parsed.get_object();
  QuarantineMark mark;
  std::string format;
  std::string since;
  if (!text_into(object, "format", format) || format != mark_format || !text_into(object, "line", mark.line) || !text_into(object, "order", mark.order) ||
      !text_into(object, "serial", mark.serial) || !text_into(object, "reason", mark.reason) || !text_into(object, "since", since))
    return refused;
  const auto instant = instant_from(since);
  if (!instant) return refused;
  mark.since = *instant;
  return mark;
}

Done check_not_put_aside(const std::string& disk_path, disk::Disks& disks) {
  const auto note = disks.read_note(disk_path);
  if (!note && note.error().code == ErrorCode::Corrupt) return Error{ErrorCode::Refused, note.error().message, {}};
  if (!note || note->empty()) return {};
  const auto mark = quarantine_mark_from(*note);
  if (!mark) return Error{ErrorCode::Refused, mark.error().message, {}};
  return Error{ErrorCode::Refused,
               fmt::format("{} is in quarantine since {}: on line {}, order {} failed on it ({}); take another disk, or take it back with "
                           "`quarantine clear {} --disk {} --operator NAME --reason WHY`",
                           disk_path, policies::vocabulary::text_of(mark->since), mark->line, mark->order, mark->reason, mark->order, disk_path),
               {}};
}

Done clear_quarantine(const ClearRequest& request, Station& station, RunPorts& ports) {
  if (request.operator_name.empty() || request.operator_name.size() > 100 || request.reason.empty() || request.reason.size() > 500)
    return Error{ErrorCode::InvalidInput, "taking a disk out of quarantine needs an operator (at most 100 bytes) and a reason (at most 500)", {}};
  const std::string path = station.folder() + "/runs/" + request.run + "/journal";
  const auto there = station.files().exists(path);
  if (!there) return there.error();
  if (!*there) return Error{ErrorCode::NotFound, fmt::format("this station has no run {}", request.run), {}};
  auto journal = Journal::open(station.files(), path);
  if (!journal) return journal.error();
  if (!request.disk_path.empty()) {
    const auto use = ports.disks.use_of(request.disk_path);
    if (!use) return use.error();
    if (Done safe = disk::may_write(*use, request.confirmation); !safe) return safe;
    const auto note = ports.disks.read_note(request.disk_path);
    if (!note && note.error().code != ErrorCode::Corrupt) return note.error();
    if (note && !note->empty()) {
      const auto mark = quarantine_mark_from(*note);
      if (mark && mark->order != request.run)
        return Error{ErrorCode::Conflict, fmt::format("{} was put aside by the run of order {}, not of {}", request.disk_path, mark->order, request.run), {}};
    }
    if (!note || !note->empty())
      if (Done cleared = ports.disks.write_note(request.disk_path, ""); !cleared) return cleared;
  }
  if (!quarantine_of(journal->entries())) {
    // A clearing that was cut after it took the note off is finished already but for this; without a disk there is nothing to do.
    if (!request.disk_path.empty()) return {};
    return Error{ErrorCode::Conflict, fmt::format("the run of {} is not in quarantine", request.run), {}};
  }
  return journal->add({EntryKind::Fact, quarantine_cleared,
                       {{"operator", request.operator_name}, {"reason", request.reason}, {"disk", request.disk_path}}, ports.clock.now()});
}

}  // namespace provision::run
