#include "provision/firmware/known_attributes.h"

#include <array>
#include <cstdlib>

namespace provision::firmware {
namespace {

constexpr std::array<std::string_view, 3> dell_wake = {"LanOnly", "LanWlan", "Enabled"};
constexpr std::array<std::string_view, 1> disabled = {"Disabled"};
constexpr std::array<std::string_view, 1> enabled = {"Enabled"};
constexpr std::array<std::string_view, 1> dell_power_on = {"On"};
constexpr std::array<std::string_view, 1> dell_power_off = {"Off"};
constexpr std::array<std::string_view, 3> think_pad_wake = {"ACOnly", "Enable", "ACandBattery"};
constexpr std::array<std::string_view, 1> disable = {"Disable"};
constexpr std::array<std::string_view, 1> enable = {"Enable"};
constexpr std::array<std::string_view, 3> think_centre_wake = {"Automatic", "Primary", "Enabled"};
constexpr std::array<std::string_view, 2> power_on = {"Power On", "PowerOn"};
constexpr std::array<std::string_view, 2> power_off = {"Power Off", "PowerOff"};
// A machine that another wakes shall start its own system, and nothing that the network offers.
constexpr std::array<std::string_view, 3> hp_wake = {"Boot to Hard Drive", "Boot to Normal Boot Order", "Enabled"};
constexpr std::array<std::string_view, 2> hp_disabled = {"Disabled", "Disable"};

constexpr std::array<KnownAttribute, 11> table = {{
    {Setting::RemoteWake, "dell-wmi-sysman", "WakeOnLan", dell_wake, disabled},
    {Setting::PowerOnAfterPowerLoss, "dell-wmi-sysman", "AcPwrRcvry", dell_power_on, dell_power_off},
    {Setting::AdministratorLock, "dell-wmi-sysman", "AdminSetupLockout", enabled, disabled},
    {Setting::RemoteWake, "thinklmi", "WakeOnLAN", think_pad_wake, disable},
    {Setting::RemoteWake, "thinklmi", "Wake on LAN", think_centre_wake, disabled},
    {Setting::PowerOnAfterPowerLoss, "thinklmi", "After Power Loss", power_on, power_off},
    {Setting::PowerOnAfterPowerLoss, "thinklmi", "AfterPowerLoss", power_on, power_off},
    {Setting::AdministratorLock, "thinklmi", "LockBIOSSetting", enable, disable},
    {Setting::RemoteWake, "hp-bioscfg", "Wake On LAN", hp_wake, hp_disabled},
    {Setting::RemoteWake, "hp-bioscfg", "Wake on LAN on DC mode", enable, disable},
    {Setting::PowerOnAfterPowerLoss, "hp-bioscfg", "After Power Loss", power_on, power_off},
}};

}  // namespace

std::string_view name_of(Setting setting) {
  switch (setting) {
    case Setting::RemoteWake: return "remote wake";
    case Setting::PowerOnAfterPowerLoss: return "power on after power loss";
    case Setting::AdministratorLock: return "administrator lock";
  }
  std::abort();
}

std::span<const KnownAttribute> known_attributes() { return table; }

}  // namespace provision::firmware
