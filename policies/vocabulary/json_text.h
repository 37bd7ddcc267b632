// Writes JSON whose bytes depend only on what was written: keys in the order given, no floating point, one form of escape.
// Used where text is signed or digested, and by every `--json`.
//
//   JsonText json;
//   json.object().key("id").text("home-night").key("version").number(1).end();
//
// Convention of all programs: keys in snake_case; Bytes as whole numbers under a key ending in `_bytes`; durations under
// `_seconds` or `_milliseconds`; Money as its text "12.34 USD"; Instants as their text; ids as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/money.h"

namespace policies::vocabulary {

enum class JsonLayout { Compact, Indented };

// Misuse (a value without its key, an end without a beginning, text() before the last end) aborts.
class JsonText {
 public:
  explicit JsonText(JsonLayout layout = JsonLayout::Compact) : layout_(layout) {}

  JsonText& object();
  JsonText& array();
  JsonText& end();  // of the innermost object or array
  JsonText& key(std::string_view name);

  JsonText& text(std::string_view value);  // bytes that are not UTF-8 become U+FFFD
  JsonText& number(std::int64_t value);
  JsonText& boolean(bool value);
  JsonText& null();
  JsonText& bytes(Bytes value);
  JsonText& money(const Money& value) { return text(value.text()); }
  JsonText& instant(Instant value) { return text(text_of(value)); }
  template <typename Kind>
  JsonText& id(const Id<Kind>& value) { return text(value.text); }

  // The whole document, without a final newline. Precondition: everything begun has ended.
  [[nodiscard]] std::string finished() const;

 private:
  struct Level {
    char closing;
    bool empty;
  };
  void before_value();
  void line_break();
  JsonText& begin(char opening, char closing);

  JsonLayout layout_;
  std::string text_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace policies::vocabulary
