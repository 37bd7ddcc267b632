// The settings of a machine's firmware, as the kernel's firmware-attributes class offers them (mission B3): facts, and the port
// through which they are read and changed.
//
// Source of form and meaning: Documentation/ABI/testing/sysfs-class-firmware-attributes of the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policies/vocabulary/result.h"

namespace provision::firmware {
using namespace policies::vocabulary;

enum class AttributeType { Enumeration, Integer, String, Other };

struct Attribute {
  std::string name;     // of the folder: "WakeOnLan"
  AttributeType type = AttributeType::Other;
  std::optional<std::string> current;        // none: not to be read
  std::vector<std::string> possible;         // Enumeration
  std::optional<std::int64_t> lowest;        // Integer, with the next two
  std::optional<std::int64_t> highest;
  std::optional<std::int64_t> increment;
  std::optional<std::int64_t> length_max;    // String, bytes
};

// A password of the firmware. While the one whose role is "bios-admin" is enabled, no attribute may be changed without it.
struct Authentication {
  std::string name;  // of the folder: "Admin"
  std::string role;  // "bios-admin", "power-on", ...
  bool enabled = false;
  std::optional<std::int64_t> length_min;  // bytes
  std::optional<std::int64_t> length_max;
};

struct Device {
  std::string name;  // of the driver: "dell-wmi-sysman", "thinklmi", "hp-bioscfg"
  std::vector<Attribute> attributes;
  std::vector<Authentication> authentications;
  bool pending_reboot = false;  // changes wait for the next start

  [[nodiscard]] const Attribute* attribute(const std::string& wanted) const;
  // The one whose role is "bios-admin"; nullptr when there is none.
  [[nodiscard]] const Authentication* administrator() const;
};

// Names are those of folders: 1 to 100 bytes, no '/', no control characters, not "." or ".."; InvalidInput for others.
// A change is done when the call returns; what a cut leaves is the old value or the new one.
class FirmwareAttributes {
 public:
  virtual ~FirmwareAttributes() = default;
  // All devices of the class; empty when the machine has none. An attribute that cannot be read has no current value.
  virtual Result<std::vector<Device>> read() = 0;
  // NotFound when there is no such attribute; PermissionDenied when it is read-only or wants a password; InvalidInput for a value
  // that the firmware does not take.
  virtual Done set(const std::string& device, const std::string& attribute, const std::string& value) = 0;
  // Begins a session: changes are allowed until `end_session`. The kernel judges the password only when a change comes.
  virtual Done begin_session(const std::string& device, const std::string& authentication, const std::string& password) = 0;
  virtual Done end_session(const std::string& device, const std::string& authentication) = 0;
  // Changes the password from the session's (or none) to `password`; empty removes it. PermissionDenied when the session's is wrong.
  virtual Done set_password(const std::string& device, const std::string& authentication, const std::string& password) = 0;
};

bool is_attribute_name(std::string_view name);

}  // namespace provision::firmware
