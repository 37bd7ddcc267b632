#include "agent/partition/opening.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>

#include "policies/vocabulary/hex.h"

namespace agent::partition {
namespace {

namespace json = boost::json;
constexpr int key_needed_status = 4;
constexpr std::size_t output_max = 64 << 10;
constexpr std::size_t reason_max = 1000;

std::string text_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()).substr(0, reason_max));
}

}  // namespace

std::string_view name_of(Standing standing) {
  constexpr std::string_view names[] = {"opening", "sound", "unavailable"};
  return names[static_cast<std::size_t>(standing)];
}

Result<OpenAnswer> open_answer_from(int exit_status, std::string_view output) {
  if (exit_status != 0 && exit_status != key_needed_status)
    return Error{ErrorCode::Unavailable, "the lease command ended with status " + std::to_string(exit_status) + "; its own words are in the journal", {}};
  const Error unreadable{ErrorCode::Corrupt, "what the lease command said cannot be read", {}};
  if (output.size() > output_max) return unreadable;
  json::error_code failed;
  const json::value value = json::parse(json::string_view(output.data(), output.size()), failed);
  if (failed || !value.is_object()) {
    // Refused without a report: the key that was given does not fit.
    if (exit_status == key_needed_status) return Error{ErrorCode::Refused, "the lease command refused; its own words are in the journal", {}};
    return unreadable;
  }
  const json::object& object = value.get_object();
  const std::string state = text_at(object, "state");
  OpenAnswer answer{.open = state == "open", .reason = text_at(object, "reason"), .by = text_at(object, "by"), .capacity = {}};
  if (answer.open != (exit_status == 0) || (!answer.open && state != "key-needed")) return unreadable;
  const json::value* capacity = object.if_contains("capacity_bytes");
  if (capacity != nullptr && capacity->is_int64() && capacity->get_int64() > 0) answer.capacity = Bytes{static_cast<std::uint64_t>(capacity->get_int64())};
  return answer;
}

Result<std::string> slot_key_from(std::string_view text) {
  json::error_code failed;
  json::value value = json::parse(json::string_view(text.data(), text.size()), failed);
  const json::value* key = failed || !value.is_object() ? nullptr : value.get_object().if_contains("key");
  if (key == nullptr || !key->is_string() || !is_sha256_hex(std::string_view(key->get_string())))
    return Error{ErrorCode::Corrupt, "the controller's answer holds no slot key of 64 hexadecimal digits", {}};
  return std::string(key->get_string());
}

Opening::~Opening() { ::explicit_bzero(key_.data(), key_.size()); }

Wish Opening::next(Duration running) {
  if (under_way_ || standing_ == Standing::Sound || running < not_before_) return Wish::Nothing;
  under_way_ = true;
  if (wants_key_) return Wish::AskForKey;
  key_tried_ = !key_.empty();
  return Wish::RunCommand;
}

std::string Opening::take_key() {
  std::string key = key_;
  ::explicit_bzero(key_.data(), key_.size());
  key_.clear();
  return key;
}

void Opening::command_ended(const Result<OpenAnswer>& answer, Duration running) {
  under_way_ = false;
  if (!answer) return fail(answer.error().text(), running);
  if (answer->open) {
    standing_ = Standing::Sound;
    reason_.clear();
    capacity_ = answer->capacity;
    return;
  }
  // It had a key and still wants one: asking again at once would go round for ever.
  if (key_tried_) return fail(answer->reason, running);
  reason_ = answer->reason;
  wants_key_ = true;
}

void Opening::key_arrived(Result<std::string> key, Duration running) {
  under_way_ = false;
  // Whatever came of it, the TPM is tried anew the next time: it may have come to its senses.
  wants_key_ = false;
  if (!key) return fail(reason_ + "; " + key.error().text(), running);
  key_ = *key;
  ::explicit_bzero(key->data(), key->size());
}

void Opening::fail(std::string reason, Duration running) {
  standing_ = Standing::Unavailable;
  reason_ = std::move(reason);
  not_before_ = running + pause_;
  pause_ = std::min(pause_ * 2, pauses_.longest);
}

Duration Opening::wait(Duration running) const {
  if (under_way_ || standing_ == Standing::Sound) return Duration::max();
  return std::max(Duration{0}, not_before_ - running);
}

}  // namespace agent::partition
