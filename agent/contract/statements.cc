#include "agent/contract/statements.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstring>
#include <limits>

#include "policies/vocabulary/hex.h"

namespace agent::contract {
namespace {

namespace json = boost::json;

constexpr std::size_t name_max = 256;
constexpr std::size_t text_max = 64 * 1024;
constexpr std::size_t payload_max = 256 * 1024;
constexpr std::size_t list_max = 1'000;

template <typename Enum>
struct Names;
template <>
struct Names<Choice> {
  static constexpr std::array<std::string_view, 2> texts = {"accepted", "declined"};
};
template <>
struct Names<ReceiptKind> {
  static constexpr std::array<std::string_view, 3> texts = {"provisioned", "released", "retrofitted"};
};
template <>
struct Names<TicketAct> {
  static constexpr std::array<std::string_view, 2> texts = {"get", "put"};
};

// Each statement names its fields once, in the order of PROTOCOL.md; Writer and Reader walk the same list.
template <typename Visitor, typename Statement>
void walk_voucher(Visitor& visit, Statement& s) {
  visit.name("serial", s.serial);
  visit.hash("machine", s.machine.text);
  visit.name("order", s.order.text);
  visit.name("owner", s.owner.text);
  visit.name("model", s.model);
  visit.name("terms", s.terms.text);
  visit.number("terms_version", s.terms_version);
  visit.hash("terms_digest", s.terms_digest.text);
  visit.name("offer", s.offer.text);
  visit.name("zone", s.zone);
  visit.hash("plan_digest", s.plan_digest.text);
  visit.number("lease", s.lease.count);
  visit.number("processor_mhz", s.processor_mhz);
  visit.instant("made_at", s.made_at);
}

template <typename Visitor, typename Statement>
void walk_consent(Visitor& visit, Statement& s) {
  visit.hash("machine", s.machine.text);
  visit.hash("terms_digest", s.terms_digest.text);
  visit.choice("choice", s.choice);
  visit.name("answered_by", s.answered_by);
  visit.instant("answered_at", s.answered_at);
}

template <typename Visitor, typename Statement>
void walk_enrolment(Visitor& visit, Statement& s) {
  visit.hash("machine", s.machine.text);
  visit.text("public_key_pem", s.public_key_pem);
  visit.text("voucher", s.voucher);
  visit.text("consent", s.consent);
  visit.name("nonce", s.nonce);
  visit.instant("made_at", s.made_at);
}

template <typename Visitor, typename Statement>
void walk_receipt(Visitor& visit, Statement& s) {
  visit.choice("kind", s.kind);
  visit.name("serial", s.serial);
  visit.hash_or_empty("machine", s.machine.text);
  visit.name("order", s.order.text);
  visit.hash_or_empty("table_before", s.table_before.text);
  visit.hash_or_empty("table_after", s.table_after.text);
  visit.number("freed", s.freed.count);
  visit.hash_or_empty("owner_files_before", s.owner_files_before.text);
  visit.hash_or_empty("owner_files_after", s.owner_files_after.text);
  visit.flag("key_slots_destroyed", s.key_slots_destroyed);
  visit.texts("steps", s.steps);
  visit.instant("done_at", s.done_at);
}

template <typename Visitor, typename Statement>
void walk_offer_answer(Visitor& visit, Statement& s) {
  visit.hash("machine", s.machine.text);
  visit.name("agreement", s.agreement.text);
  visit.name("offer", s.offer.text);
  visit.choice("choice", s.choice);
  visit.instant("answered_at", s.answered_at);
}

template <typename Visitor, typename Statement>
void walk_ticket(Visitor& visit, Statement& s) {
  visit.hash("holder", s.holder.text);
  visit.hash("element", s.element.text);
  visit.choice("act", s.act);
  visit.number("size_max", s.size_max.count);
  visit.instant("expires_at", s.expires_at);
}

template <typename Visitor, typename Statement>
void walk_release_order(Visitor& visit, Statement& s) {
  visit.hash("machine", s.machine.text);
  visit.name_or_empty("agreement", s.agreement.text);
  visit.name("reason", s.reason);
  visit.flag("drained", s.drained);
  visit.name_or_empty("forced_by", s.forced_by);
  visit.instant("made_at", s.made_at);
}

template <typename Visitor, typename Statement>
void walk_line_export(Visitor& visit, Statement& s) {
  visit.name("line", s.line);
  visit.hash("content", s.content.text);
  visit.number("vouchers", s.vouchers);
  visit.number("receipts", s.receipts);
  visit.number("escrows", s.escrows);
  visit.instant("made_at", s.made_at);
}

template <typename Visitor, typename Statement>
void walk_escrow(Visitor& visit, Statement& s) {
  visit.name("serial", s.serial);
  visit.hash("machine", s.machine.text);
  visit.name("order", s.order.text);
  visit.name("lease_uuid", s.lease_uuid);
  visit.hash("sealed_to", s.sealed_to.text);
  visit.text("sealed", s.sealed);
  visit.instant("made_at", s.made_at);
}

template <typename Visitor, typename Statement>
void walk_slot_keys(Visitor& visit, Statement& s) {
  visit.texts("purposes", s.purposes);
  visit.texts("keys", s.keys);
}

class Writer {
 public:
  void name(std::string_view key, const std::string& value) { fields_[key] = value; }
  void name_or_empty(std::string_view key, const std::string& value) { fields_[key] = value; }
  void text(std::string_view key, const std::string& value) { fields_[key] = value; }
  void hash(std::string_view key, const std::string& value) { fields_[key] = value; }
  void hash_or_empty(std::string_view key, const std::string& value) { fields_[key] = value; }
  void number(std::string_view key, std::uint64_t value) { fields_[key] = value; }
  void flag(std::string_view key, bool value) { fields_[key] = value; }
  void instant(std::string_view key, Instant value) { fields_[key] = text_of(value); }
  template <typename Enum>
  void choice(std::string_view key, Enum value) {
    fields_[key] = Names<Enum>::texts.at(static_cast<std::size_t>(value));
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    fields_[key] = json::array(values.begin(), values.end());
  }
  [[nodiscard]] std::string payload() const { return json::serialize(fields_); }

 private:
  json::object fields_;
};

// Keeps the first thing that is wrong; after that nothing is read.
class Reader {
 public:
  explicit Reader(const json::object& fields) : fields_(fields) {}

  void name(std::string_view key, std::string& value) {
    string(key, value, name_max);
    if (!problem_ && value.empty()) refuse(key, "must not be empty");
  }
  void name_or_empty(std::string_view key, std::string& value) { string(key, value, name_max); }
  void text(std::string_view key, std::string& value) { string(key, value, text_max); }
  void hash(std::string_view key, std::string& value) {
    string(key, value, name_max);
    if (!problem_ && !is_sha256_hex(value)) refuse(key, "must be 64 lower-case hexadecimal digits");
  }
  void hash_or_empty(std::string_view key, std::string& value) {
    string(key, value, name_max);
    if (!problem_ && !value.empty() && !is_sha256_hex(value)) refuse(key, "must be empty or 64 lower-case hexadecimal digits");
  }
  template <typename Unsigned>
  void number(std::string_view key, Unsigned& value) {
    const json::value* found = next(key);
    if (!found) return;
    if (found->is_uint64() && found->get_uint64() <= std::numeric_limits<Unsigned>::max())
      value = static_cast<Unsigned>(found->get_uint64());
    else if (found->is_int64() && found->get_int64() >= 0 &&
             static_cast<std::uint64_t>(found->get_int64()) <= std::numeric_limits<Unsigned>::max())
      value = static_cast<Unsigned>(found->get_int64());
    else
      refuse(key, "must be a whole number from 0 to " + std::to_string(std::numeric_limits<Unsigned>::max()));
  }
  void flag(std::string_view key, bool& value) {
    const json::value* found = next(key);
    if (!found) return;
    if (found->is_bool())
      value = found->get_bool();
    else
      refuse(key, "must be true or false");
  }
  void instant(std::string_view key, Instant& value) {
    std::string written;
    string(key, written, name_max);
    if (problem_) return;
    const Result<Instant> read = instant_from(written);
    if (read)
      value = *read;
    else
      problem_ = read.error().within("field '" + std::string(key) + "'");
  }
  template <typename Enum>
  void choice(std::string_view key, Enum& value) {
    std::string written;
    string(key, written, name_max);
    if (problem_) return;
    std::string allowed;
    for (std::size_t i = 0; i < Names<Enum>::texts.size(); ++i) {
      if (Names<Enum>::texts[i] == written) {
        value = static_cast<Enum>(i);
        return;
      }
      allowed += (i == 0 ? "" : ", ") + std::string(Names<Enum>::texts[i]);
    }
    refuse(key, "is '" + written + "', not one of " + allowed);
  }
  void texts(std::string_view key, std::vector<std::string>& values) {
    const json::value* found = next(key);
    if (!found) return;
    if (!found->is_array() || found->get_array().size() > list_max)
      return refuse(key, "must be a list of at most " + std::to_string(list_max) + " texts");
    for (const json::value& item : found->get_array()) {
      if (!item.is_string() || item.get_string().size() > text_max) return refuse(key, "holds something that is no text of at most 64 KiB");
      values.emplace_back(item.get_string());
    }
  }

  [[nodiscard]] const std::optional<Error>& problem() {
    if (!problem_ && seen_ != fields_.size()) {
      const auto unknown = fields_.begin() + static_cast<std::ptrdiff_t>(seen_);
      refuse(unknown->key(), "is not a field of this statement");
    }
    return problem_;
  }

 private:
  // Fields stand in the order of the list, so the next one must be this one.
  const json::value* next(std::string_view key) {
    if (problem_) return nullptr;
    if (seen_ < fields_.size()) {
      const auto field = fields_.begin() + static_cast<std::ptrdiff_t>(seen_);
      if (field->key() == key) {
        ++seen_;
        return &field->value();
      }
      if (fields_.contains(key)) {
        refuse(field->key(), "stands where '" + std::string(key) + "' belongs");
        return nullptr;
      }
    }
    refuse(key, "is missing");
    return nullptr;
  }
  void string(std::string_view key, std::string& value, std::size_t limit) {
    const json::value* found = next(key);
    if (!found) return;
    if (!found->is_string()) return refuse(key, "must be a text");
    if (found->get_string().size() > limit) return refuse(key, "is longer than " + std::to_string(limit) + " bytes");
    value = std::string(found->get_string());
  }
  void refuse(std::string_view key, const std::string& why) {
    const std::string shown(key.substr(0, 64));
    problem_ = Error{ErrorCode::InvalidInput, "field '" + shown + "' " + why, {}};
  }

  const json::object& fields_;
  std::size_t seen_ = 0;
  std::optional<Error> problem_;
};

template <typename Statement, typename Walk>
std::string written(const Statement& statement, Walk walk) {
  Writer writer;
  walk(writer, statement);
  return writer.payload();
}

template <typename Statement, typename Walk>
Result<Statement> read(std::string_view what, std::string_view payload, Walk walk) {
  const auto bad = [&](std::string why) {
    return Error{ErrorCode::InvalidInput, std::move(why), {}}.within("reading a " + std::string(what));
  };
  if (payload.size() > payload_max) return bad("larger than " + std::to_string(payload_max) + " bytes");
  json::parse_options options;
  options.max_depth = 3;
  json::error_code failure;
  const json::value parsed = json::parse(json::string_view(payload.data(), payload.size()), failure, {}, options);
  if (failure || !parsed.is_object()) return bad("not a JSON object" + (failure ? ": " + failure.message() : std::string()));
  Reader reader(parsed.get_object());
  Statement statement;
  walk(reader, statement);
  if (reader.problem()) return reader.problem()->within("reading a " + std::string(what));
  // One statement has one spelling, so that two programs never read different things out of the same signed bytes (a doubled
  // field, say, of which one parser takes the first and another the last).
  if (written(statement, walk) != payload) return bad("not in canonical form: doubled fields, white space or needless escapes");
  return statement;
}

constexpr auto voucher_fields = [](auto& visit, auto& s) { walk_voucher(visit, s); };
constexpr auto consent_fields = [](auto& visit, auto& s) { walk_consent(visit, s); };
constexpr auto enrolment_fields = [](auto& visit, auto& s) { walk_enrolment(visit, s); };
constexpr auto receipt_fields = [](auto& visit, auto& s) { walk_receipt(visit, s); };
constexpr auto offer_answer_fields = [](auto& visit, auto& s) { walk_offer_answer(visit, s); };
constexpr auto ticket_fields = [](auto& visit, auto& s) { walk_ticket(visit, s); };
constexpr auto escrow_fields = [](auto& visit, auto& s) { walk_escrow(visit, s); };
constexpr auto slot_keys_fields = [](auto& visit, auto& s) { walk_slot_keys(visit, s); };
constexpr auto release_order_fields = [](auto& visit, auto& s) { walk_release_order(visit, s); };
constexpr auto line_export_fields = [](auto& visit, auto& s) { walk_line_export(visit, s); };

}  // namespace

SlotKeys::~SlotKeys() {
  for (std::string& key : keys) ::explicit_bzero(key.data(), key.size());
}

std::string escrow_context(const Escrow& escrow) {
  std::string context = "leaseback escrow";
  for (const std::string& part : {escrow.serial, escrow.machine.text, escrow.order.text, escrow.lease_uuid}) context += "\n" + std::to_string(part.size()) + " " + part;
  return context;
}

std::string payload_of(const Escrow& escrow) { return written(escrow, escrow_fields); }
std::string payload_of(const SlotKeys& keys) { return written(keys, slot_keys_fields); }
std::string payload_of(const Voucher& voucher) { return written(voucher, voucher_fields); }
std::string payload_of(const Consent& consent) { return written(consent, consent_fields); }
std::string payload_of(const Enrolment& enrolment) { return written(enrolment, enrolment_fields); }
std::string payload_of(const Receipt& receipt) { return written(receipt, receipt_fields); }
std::string payload_of(const OfferAnswer& answer) { return written(answer, offer_answer_fields); }
std::string payload_of(const Ticket& ticket) { return written(ticket, ticket_fields); }
std::string payload_of(const ReleaseOrder& order) { return written(order, release_order_fields); }
std::string payload_of(const LineExport& exported) { return written(exported, line_export_fields); }

Result<Escrow> escrow_from(std::string_view payload) { return read<Escrow>("escrow", payload, escrow_fields); }

Result<SlotKeys> slot_keys_from(std::string_view payload) {
  constexpr std::size_t slots_max = 32;
  Result<SlotKeys> slots = read<SlotKeys>("slot keys", payload, slot_keys_fields);
  if (!slots) return slots;
  const auto whole = [](const std::string& key) { return is_sha256_hex(key); };  // 32 bytes, as digests are
  const auto named = [](const std::string& purpose) { return !purpose.empty() && purpose.size() <= name_max; };
  if (slots->keys.empty() || slots->keys.size() > slots_max || slots->keys.size() != slots->purposes.size() ||
      !std::all_of(slots->keys.begin(), slots->keys.end(), whole) || !std::all_of(slots->purposes.begin(), slots->purposes.end(), named))
    return Error{ErrorCode::InvalidInput, "not 1 to 32 slots, each with a purpose and a key of 64 hexadecimal digits", {}}.within("reading slot keys");
  return slots;
}

Result<Voucher> voucher_from(std::string_view payload) { return read<Voucher>("voucher", payload, voucher_fields); }
Result<Consent> consent_from(std::string_view payload) { return read<Consent>("consent", payload, consent_fields); }
Result<Enrolment> enrolment_from(std::string_view payload) { return read<Enrolment>("enrolment", payload, enrolment_fields); }
Result<Receipt> receipt_from(std::string_view payload) { return read<Receipt>("receipt", payload, receipt_fields); }
Result<OfferAnswer> offer_answer_from(std::string_view payload) { return read<OfferAnswer>("offer answer", payload, offer_answer_fields); }
Result<Ticket> ticket_from(std::string_view payload) { return read<Ticket>("ticket", payload, ticket_fields); }
Result<ReleaseOrder> release_order_from(std::string_view payload) { return read<ReleaseOrder>("release order", payload, release_order_fields); }
Result<LineExport> line_export_statement_from(std::string_view payload) { return read<LineExport>("line's export", payload, line_export_fields); }

}  // namespace agent::contract
