#include "provision/run/station.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "images/keys/key_files.h"
#include "policies/vocabulary/hex.h"
#include "policies/vocabulary/json_text.h"
#include "provision/run/abandon.h"
#include "provision/run/quarantine.h"

namespace provision::run {
namespace {

using images::files::Access;

constexpr Bytes small_file_max = kibibytes(256);
constexpr std::size_t run_name_max = 100;

Error not_a_station(const std::string& folder, std::string_view why) {
  return Error{ErrorCode::NotFound,
               fmt::format("{} is not a station ({}); make one with `leaseback-provision line init --station {}`",
                           folder, why, folder),
               {}};
}

bool is_plain_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= run_name_max && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), plain);
}

Done check_name(std::string_view name) {
  if (is_plain_name(name)) return {};
  return Error{ErrorCode::InvalidInput,
               fmt::format("'{}' cannot name a file: use 1 to {} letters, digits and . _ -, not beginning with a dot",
                           name, run_name_max),
               {}};
}

Result<std::optional<std::string>> read_if_there(images::files::Files& files, const std::string& path) {
  auto text = files.read(path, small_file_max);
  if (text) return std::optional(std::move(*text));
  if (text.error().code == ErrorCode::NotFound) return std::optional<std::string>();
  return text.error();
}

std::string fact_or_nothing(const Entry* entry, const std::string& name) {
  if (entry == nullptr) return {};
  const auto fact = entry->facts.find(name);
  return fact == entry->facts.end() ? std::string() : fact->second;
}

RunSummary summary_of(const std::string& name, const Journal& journal) {
  RunSummary summary;
  summary.name = name;
  const Entry* began = journal.last(EntryKind::Fact, "run");
  summary.what = fact_or_nothing(began, "what");
  summary.serial = fact_or_nothing(began, "serial");
  summary.disk = fact_or_nothing(began, "disk");
  summary.machine = fact_or_nothing(journal.last(EntryKind::Fact, "identity"), "machine");
  const bool finished = journal.has(EntryKind::Fact, "finished");
  const bool failed = !journal.entries().empty() && journal.entries().back().kind == EntryKind::Failure;
  summary.state = finished ? "finished" : failed ? "failed" : "cut";
  if (failed && !finished) {
    summary.reason = fact_or_nothing(&journal.entries().back(), "reason");
    summary.cause = fact_or_nothing(&journal.entries().back(), "cause");
  }
  if (const auto quarantine = quarantine_of(journal.entries()); quarantine && summary.what != "release") {
    summary.state = "quarantined";
    summary.reason = quarantine->reason;
  }
  if (!journal.entries().empty()) {
    summary.began = journal.entries().front().at;
    summary.last = journal.entries().back().at;
  }
  if (journal.has(EntryKind::Fact, abandoned_fact)) summary.state = "abandoned";
  return summary;
}

std::string_view string_in(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

}  // namespace

Escrow::~Escrow() {
  for (std::string& key : slot_keys) {
    volatile char* bytes = key.data();
    for (std::size_t i = 0; i < key.size(); ++i) bytes[i] = 0;
  }
}

std::string text_of(const Escrow& escrow) {
  JsonText json(JsonLayout::Indented);
  json.object()
      .key("format")
      .text("leaseback-escrow-1")
      .key("order")
      .id(escrow.order)
      .key("serial")
      .text(escrow.serial);
  json.key("lease_uuid").text(escrow.lease_uuid).key("slots").array();
  for (std::size_t i = 0; i < escrow.slot_keys.size(); ++i)
    json.object()
        .key("slot")
        .number(static_cast<std::int64_t>(i))
        .key("purpose")
        .text(escrow.purposes[i])
        .key("key")
        .text(hex_of(escrow.slot_keys[i]))
        .end();
  json.end().end();
  return json.finished() + "\n";
}

Result<Escrow> escrow_from(std::string_view text) {
  const Error refused{
      ErrorCode::Corrupt, "it is not an escrow file of format leaseback-escrow-1; restore it from its copy", {}};
  boost::json::error_code problem;
  const boost::json::value parsed = boost::json::parse(text, problem);
  if (problem || !parsed.is_object()) return refused;
  const boost::json::object& object = parsed.get_object();
  const boost::json::value* slots = object.if_contains("slots");
  if (string_in(object, "format") != "leaseback-escrow-1" || slots == nullptr || !slots->is_array() ||
      slots->get_array().size() > 8)
    return refused;
  Escrow escrow;
  escrow.order = OrderId(std::string(string_in(object, "order")));
  escrow.serial = string_in(object, "serial");
  escrow.lease_uuid = string_in(object, "lease_uuid");
  for (const boost::json::value& slot : slots->get_array()) {
    if (!slot.is_object()) return refused;
    auto key = bytes_of_hex(string_in(slot.get_object(), "key"));
    if (!key || key->size() != disk::slot_key_size) return refused;
    escrow.purposes.emplace_back(string_in(slot.get_object(), "purpose"));
    escrow.slot_keys.push_back(std::move(*key));
  }
  return escrow;
}

Result<Station> Station::make(images::files::Files& files, const std::string& folder, const std::string& line,
                              Instant now) {
  if (Done named = check_name(line); !named) return named.error().within("naming the line");
  Station station(files, folder);
  const auto there = files.exists(folder + "/station.json");
  if (!there) return there.error();
  if (*there) return Error{ErrorCode::AlreadyExists, fmt::format("{} is a station already", folder), {}};
  for (const char* name : {"", "/runs", "/escrow", "/vouchers", "/receipts"})
    if (Done made = files.make_directory(folder + name, Access::OwnerOnly); !made) return made.error();
  // A key that a cut init left is taken: another would leave two.
  const std::string key_path = folder + "/line.key";
  const auto has_key = files.exists(key_path);
  if (!has_key) return has_key.error();
  if (!*has_key) {
    const auto key = images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
    if (!key) return key.error();
    if (Done written = images::keys::write_private_key(files, key_path, *key); !written) return written.error();
  }
  const auto key = images::keys::read_private_key(files, key_path);
  if (!key) return key.error();
  if (Done written = files.replace(folder + "/line.pem", key->public_key().pem(), Access::Everyone); !written)
    return written.error();
  JsonText json(JsonLayout::Indented);
  json.object()
      .key("format")
      .text("leaseback-station-1")
      .key("line")
      .text(line)
      .key("made_at")
      .instant(now)
      .key("key")
      .id(key->id())
      .end();
  if (Done written = files.replace(folder + "/station.json", json.finished() + "\n", Access::Everyone); !written)
    return written.error();
  station.line_ = line;
  return station;
}

Result<Station> Station::open(images::files::Files& files, const std::string& folder) {
  const auto text = files.read(folder + "/station.json", small_file_max);
  if (!text && text.error().code == ErrorCode::NotFound) return not_a_station(folder, "no station.json");
  if (!text) return text.error();
  boost::json::error_code problem;
  const boost::json::value parsed = boost::json::parse(*text, problem);
  if (problem || !parsed.is_object() || string_in(parsed.get_object(), "format") != "leaseback-station-1")
    return not_a_station(folder, "its station.json is of another format");
  Station station(files, folder);
  station.line_ = string_in(parsed.get_object(), "line");
  return station;
}

Result<Station> Station::open_bare(images::files::Files& files, const std::string& folder) {
  auto opened = open(files, folder);
  if (opened || opened.error().code != ErrorCode::NotFound) return opened;
  for (const char* name : {"", "/runs", "/receipts"})
    if (Done made = files.make_directory(folder + name, Access::OwnerOnly); !made) return made.error();
  return Station(files, folder);
}

Result<images::keys::PrivateKey> Station::line_key() const {
  auto key = images::keys::read_private_key(*files_, folder_ + "/line.key");
  if (!key) return key.error().within("reading the line's key");
  return key;
}

Result<std::string> Station::run_folder(const std::string& run) {
  if (Done named = check_name(run); !named) return named.error();
  std::string folder = folder_ + "/runs/" + run;
  if (Done made = files_->make_directory(folder, Access::OwnerOnly); !made) return made.error();
  return folder;
}

Result<std::vector<RunSummary>> Station::runs() const {
  const auto names = files_->list(folder_ + "/runs");
  if (!names) return names.error();
  std::vector<RunSummary> summaries;
  for (const std::string& name : *names) {
    const auto text = read_if_there(*files_, folder_ + "/runs/" + name + "/journal");
    if (!text) return text.error();
    if (!*text) continue;
    auto journal = Journal::read(*files_, folder_ + "/runs/" + name + "/journal");
    if (!journal) return journal.error();
    summaries.push_back(summary_of(name, *journal));
  }
  return summaries;
}

Result<std::optional<Escrow>> Station::escrow(const OrderId& order) const {
  const auto text = read_if_there(*files_, escrow_path(order));
  if (!text) return text.error();
  if (!*text) return std::optional<Escrow>();
  auto escrow = escrow_from(**text);
  if (!escrow) return escrow.error().within("reading " + escrow_path(order));
  return std::optional(std::move(*escrow));
}

Done Station::keep_escrow(const Escrow& escrow) {
  if (Done named = check_name(escrow.order.text); !named) return named;
  return files_->replace(escrow_path(escrow.order), text_of(escrow), Access::OwnerOnly);
}

Done Station::keep_controller(const std::string& run, const Controller& controller) {
  const auto folder = run_folder(run);
  if (!folder) return folder.error();
  JsonText json(JsonLayout::Indented);
  json.object()
      .key("url")
      .text(controller.url)
      .key("authority")
      .text(controller.authority_pem)
      .key("key")
      .text(controller.controller_key_pem)
      .end();
  return files_->replace(*folder + "/controller.json", json.finished() + "\n", Access::Everyone);
}

Result<std::optional<Station::Controller>> Station::controller(const std::string& run) const {
  if (Done named = check_name(run); !named) return named.error();
  const auto text = read_if_there(*files_, folder_ + "/runs/" + run + "/controller.json");
  if (!text) return text.error();
  if (!*text) return std::optional<Controller>();
  boost::json::error_code problem;
  const boost::json::value parsed = boost::json::parse(**text, problem);
  if (problem || !parsed.is_object())
    return Error{
        ErrorCode::Corrupt, fmt::format("controller.json of run {} is not JSON; apply the order again", run), {}};
  const boost::json::object& object = parsed.get_object();
  return std::optional(Controller{std::string(string_in(object, "url")), std::string(string_in(object, "authority")),
                                  std::string(string_in(object, "key"))});
}

Done Station::keep_voucher(const OrderId& order, std::string_view voucher) {
  if (Done named = check_name(order.text); !named) return named;
  return files_->replace(voucher_path(order), voucher, Access::Everyone);
}

Done Station::keep_receipt(const std::string& run, std::string_view receipt) {
  if (Done named = check_name(run); !named) return named;
  return files_->replace(receipt_path(run), receipt, Access::Everyone);
}

Result<std::optional<std::string>> Station::receipt(const std::string& run) const {
  return read_if_there(*files_, receipt_path(run));
}

}  // namespace provision::run
