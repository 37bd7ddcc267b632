// The light that tells whoever is near that a machine is used by others (mission B6): lit while leased work runs, and after that again
// what it was before us.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/indicator/led.h"
#include "images/files/files.h"

namespace agent::indicator {

// As two lines of text: what a LED was before us.
std::string text_of(const LedState& state);
// Corrupt for anything but such lines.
Result<LedState> state_from(std::string_view text);

class Indicator {
 public:
  // What the LED was is kept in the file `memory` while it is lit, so that it is put back even when the power fails. `files` must
  // outlive it. Without a LED nothing is ever shown.
  Indicator(std::unique_ptr<Led> led, images::files::Files& files, std::string memory);
  // Puts the LED back.
  ~Indicator();
  Indicator(const Indicator&) = delete;
  Indicator& operator=(const Indicator&) = delete;

  // Puts back what a run that was cut has left lit. Call it once, before the first show().
  Done resume();
  // Lights it, or puts it back. Cheap when nothing changes. A LED that refuses (unplugged, taken by another driver) is an error the
  // first time, and tried again in silence at each change after that: it must never hold up work.
  Done show(bool working);

 private:
  Done light();
  Done put_back();

  std::unique_ptr<Led> led_;
  images::files::Files& files_;
  std::string memory_;
  std::optional<LedState> before_;  // set while lit
  bool shown_ = false;              // what was asked for last
  bool complained_ = false;
};

}  // namespace agent::indicator
