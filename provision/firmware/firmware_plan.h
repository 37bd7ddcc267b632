// Which settings of the firmware change for an order, and how release puts them back. Pure.
//
// What stood there before is recorded before the first change, and stays recorded however often a cut run is begun again: an entry
// is never replaced by what we ourselves have set.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/terms/hardware.h"
#include "provision/firmware/firmware_attributes.h"
#include "provision/firmware/known_attributes.h"

namespace provision::firmware {

struct RecordedAttribute {
  std::string device;
  std::string attribute;
  std::string original;
  std::string set_to;
  bool operator==(const RecordedAttribute&) const = default;
};

// An administrator's password that was not there before us. The password itself is never recorded.
struct RecordedPassword {
  std::string device;
  std::string authentication;
  bool operator==(const RecordedPassword&) const = default;
};

struct FirmwareRecord {
  std::vector<RecordedAttribute> attributes;  // up to 64; each attribute once
  std::vector<RecordedPassword> passwords;    // up to 8
  [[nodiscard]] bool empty() const { return attributes.empty() && passwords.empty(); }
  bool operator==(const FirmwareRecord&) const = default;
};
std::string text_of(const FirmwareRecord& record);
// InvalidInput for anything but such a record: it may come from a disk that was in other hands.
Result<FirmwareRecord> record_from(std::string_view text);
inline constexpr std::size_t record_size_max = 64 << 10;

struct Change {
  std::string device;
  std::string attribute;
  std::string from;
  std::string to;
};
std::string text_of(const Change& change);  // "set WakeOnLan of dell-wmi-sysman from Disabled to LanOnly"

enum class PasswordChange { Set, Remove };
struct PlannedPassword {
  std::string device;
  std::string authentication;
  PasswordChange change = PasswordChange::Set;
};

struct FirmwarePlan {
  std::vector<Change> changes;
  std::vector<PlannedPassword> passwords;  // set after all changes, removed after all changes
  std::vector<std::string> locked;         // devices on which a change needs the administrator's password
  FirmwareRecord record;                   // to be kept before the first change: what was recorded before, and these
  std::vector<std::string> notes;          // settings that this machine does not have, or that stay as the owner set them
  bool must_wait = false;                  // restoring: something can only be put back after the next start
  [[nodiscard]] bool nothing_to_do() const { return changes.empty() && passwords.empty(); }
};

enum class PasswordGiven { No, Yes };

// What an order wants. A wish for the administrator's lock is also one for an administrator's password, where the firmware knows
// one and none is set: without it anybody could unlock. `recorded`: by earlier runs of the same machine. InvalidInput when the
// record would outgrow its limits.
Result<FirmwarePlan> plan_for(const policies::terms::ModelFirmware& wishes, const std::vector<Device>& devices, const FirmwareRecord& recorded,
                              PasswordGiven password);

// Back to what was. A value that is neither ours nor the original was set by the owner since: it stays, with a note.
FirmwarePlan plan_restoring(const FirmwareRecord& recorded, const std::vector<Device>& devices);

}  // namespace provision::firmware
