#include "policies/vocabulary/json_text.h"

#include <array>
#include <cstdio>

#include "policies/vocabulary/error.h"

namespace policies::vocabulary {
namespace {

// The length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629), 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto continues = [&](std::size_t at, unsigned lowest = 0x80, unsigned highest = 0xBF) {
    return at < text.size() && byte(at) >= lowest && byte(at) <= highest;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned lowest = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned highest = first == 0xED ? 0x9F : 0xBF;  // surrogates have no UTF-8 form
    return continues(1, lowest, highest) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned lowest = first == 0xF0 ? 0x90 : 0x80;
    const unsigned highest = first == 0xF4 ? 0x8F : 0xBF;
    return continues(1, lowest, highest) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

void append_quoted(std::string& into, std::string_view value) {
  into += '"';
  while (!value.empty()) {
    const char first = value.front();
    const std::size_t length = utf8_length(value);
    if (length == 0) {
      into += "\xEF\xBF\xBD";
      value.remove_prefix(1);
      continue;
    }
    if (first == '"' || first == '\\') {
      into += '\\';
      into += first;
    } else if (first == '\n') {
      into += "\\n";
    } else if (static_cast<unsigned char>(first) < 0x20 || first == 0x7F) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(first));
      into += escape.data();
    } else {
      into += value.substr(0, length);
    }
    value.remove_prefix(length);
  }
  into += '"';
}

}  // namespace

void JsonText::line_break() {
  if (layout_ == JsonLayout::Compact) return;
  text_ += '\n';
  text_.append(levels_.size() * 2, ' ');
}

void JsonText::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) {
    invariant(text_.empty(), "a JSON document has one value");
    return;
  }
  invariant(levels_.back().closing == ']', "a value in a JSON object needs its key");
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
  line_break();
}

JsonText& JsonText::begin(char opening, char closing) {
  before_value();
  text_ += opening;
  levels_.push_back({closing, true});
  return *this;
}

JsonText& JsonText::object() { return begin('{', '}'); }
JsonText& JsonText::array() { return begin('[', ']'); }

JsonText& JsonText::end() {
  invariant(!levels_.empty() && !after_key_, "a JSON end needs a beginning and no open key");
  const Level level = levels_.back();
  levels_.pop_back();
  if (!level.empty) line_break();
  text_ += level.closing;
  return *this;
}

JsonText& JsonText::key(std::string_view name) {
  invariant(!levels_.empty() && levels_.back().closing == '}' && !after_key_, "a JSON key belongs into an object");
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
  line_break();
  append_quoted(text_, name);
  text_ += layout_ == JsonLayout::Compact ? ":" : ": ";
  after_key_ = true;
  return *this;
}

JsonText& JsonText::text(std::string_view value) {
  before_value();
  append_quoted(text_, value);
  return *this;
}

JsonText& JsonText::number(std::int64_t value) {
  before_value();
  text_ += std::to_string(value);
  return *this;
}

JsonText& JsonText::boolean(bool value) {
  before_value();
  text_ += value ? "true" : "false";
  return *this;
}

JsonText& JsonText::null() {
  before_value();
  text_ += "null";
  return *this;
}

JsonText& JsonText::bytes(Bytes value) {
  before_value();
  text_ += std::to_string(value.count);
  return *this;
}

std::string JsonText::finished() const {
  invariant(levels_.empty() && !after_key_ && !text_.empty(), "a JSON document was read before its end");
  return text_;
}

}  // namespace policies::vocabulary
