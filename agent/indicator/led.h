// One light, and the one on the kernel's LED class.
//
// Source of the form: Documentation/leds/leds-class.rst and Documentation/ABI/testing/sysfs-class-led of the kernel.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace agent::indicator {
using namespace policies::vocabulary;

struct LedState {
  std::string trigger;     // what drives it: "none", "heartbeat", "phy0tx", ...; 1 to 64 bytes without blanks
  std::string brightness;  // digits, up to its maximum; means something while the trigger is "none"
  bool operator==(const LedState&) const = default;
};

class Led {
 public:
  virtual ~Led() = default;
  virtual Result<LedState> read() = 0;
  // The highest brightness, digits.
  virtual Result<std::string> brightness_max() = 0;
  // Setting a trigger may change the brightness.
  virtual Done set_trigger(const std::string& trigger) = 0;
  virtual Done set_brightness(const std::string& brightness) = 0;
};

// The trigger that is in force in a list such as "none [heartbeat] timer"; a single word is itself. Empty when none is marked.
std::string trigger_in(std::string_view list);

// Opens `folder`/`name` ("/sys/class/leds"); the attributes stay open, so that it works after the process has given up root's rights.
// NotFound when there is no such LED, PermissionDenied when it is not to be written.
Result<std::unique_ptr<Led>> open_sysfs_led(const std::string& folder, const std::string& name);

}  // namespace agent::indicator
