#include "agent/indicator/indicator.h"

#include <algorithm>

namespace agent::indicator {
namespace {

constexpr std::size_t trigger_size_max = 64;
constexpr std::size_t brightness_size_max = 10;
constexpr Bytes memory_size_max{256};

bool is_trigger(std::string_view text) {
  return !text.empty() && text.size() <= trigger_size_max && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool is_brightness(std::string_view text) {
  return !text.empty() && text.size() <= brightness_size_max && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string text_of(const LedState& state) { return state.trigger + "\n" + state.brightness + "\n"; }

Result<LedState> state_from(std::string_view text) {
  const std::size_t first = text.find('\n');
  if (first != std::string_view::npos && text.ends_with('\n') && text.size() >= first + 2) {
    LedState state{std::string(text.substr(0, first)), std::string(text.substr(first + 1, text.size() - first - 2))};
    if (is_trigger(state.trigger) && is_brightness(state.brightness)) return state;
  }
  return Error{ErrorCode::Corrupt, "it does not tell a trigger and a brightness on two lines", {"reading what the LED was"}};
}

Indicator::Indicator(std::unique_ptr<Led> led, images::files::Files& files, std::string memory)
    : led_(std::move(led)), files_(files), memory_(std::move(memory)) {}

Indicator::~Indicator() {
  if (led_ != nullptr && before_) (void)put_back().has_value();
}

Done Indicator::resume() {
  if (led_ == nullptr) return {};
  auto text = files_.read(memory_, memory_size_max);
  if (!text && text.error().code == ErrorCode::NotFound) return {};
  if (!text) return text.error();
  auto state = state_from(*text);
  // What cannot be read cannot be put back; the next lighting writes it anew.
  if (!state) {
    (void)files_.remove(memory_).has_value();
    return state.error();
  }
  before_ = *std::move(state);
  return put_back();
}

Done Indicator::show(bool working) {
  if (led_ == nullptr || working == shown_) return {};
  shown_ = working;
  Done done = working ? light() : put_back();
  if (done || complained_) return {};
  complained_ = true;
  return done.error().within("showing that leased work runs");
}

Done Indicator::light() {
  auto state = led_->read();
  if (!state) return state.error();
  auto highest = led_->brightness_max();
  if (!highest) return highest.error();
  if (!is_trigger(state->trigger) || !is_brightness(state->brightness) || !is_brightness(*highest))
    return Error{ErrorCode::Unsupported, "the LED tells no trigger and no brightness", {}};
  if (!before_) {
    if (Done kept = files_.replace(memory_, text_of(*state), images::files::Access::OwnerOnly); !kept) return kept;
    before_ = *std::move(state);
  }
  if (Done set = led_->set_trigger("none"); !set) return set;
  return led_->set_brightness(*highest);
}

Done Indicator::put_back() {
  if (!before_) return {};
  if (Done set = led_->set_trigger(before_->trigger); !set) return set;
  // Any other trigger drives the brightness itself.
  if (before_->trigger == "none")
    if (Done set = led_->set_brightness(before_->brightness); !set) return set;
  before_.reset();
  return files_.remove(memory_);
}

}  // namespace agent::indicator
