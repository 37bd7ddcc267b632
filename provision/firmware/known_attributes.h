// What makers call the settings that we know, and what their values are called: a table, so that another maker is another row.
#pragma once

#include <span>
#include <string_view>

namespace provision::firmware {

enum class Setting { RemoteWake, PowerOnAfterPowerLoss, AdministratorLock };
std::string_view name_of(Setting setting);  // "remote wake", ...

// One attribute of one driver. The values are tried in their order; the first that the attribute takes is used.
struct KnownAttribute {
  Setting setting;
  std::string_view device;  // driver's name
  std::string_view attribute;
  std::span<const std::string_view> on;
  std::span<const std::string_view> off;
};

// None was tried on a real machine yet; an attribute that a machine does not have is passed over with a note. Where the names are
// documented: Dell Command | Configure (dell-wmi-sysman), Lenovo "BIOS Setup using Windows Management Instrumentation" for
// ThinkPad and ThinkCentre (thinklmi), HP BIOS Configuration Utility (hp-bioscfg). HP's firmware is locked by its administrator's
// password alone.
std::span<const KnownAttribute> known_attributes();

}  // namespace provision::firmware
