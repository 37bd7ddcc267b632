// Carries out what was planned for the firmware. Cut anywhere, the same call finishes it.
#pragma once

#include <string>
#include <vector>

#include "images/files/files.h"
#include "provision/firmware/firmware_plan.h"

namespace provision::firmware {

struct FirmwareReport {
  std::vector<std::string> done;   // what this call changed
  std::vector<std::string> notes;  // of the plan, and what waits for the next start
  bool restored = false;           // restoring only: nothing is left to do, the record is gone
};

// What the record file holds; empty when there is none.
Result<FirmwareRecord> read_record(images::files::Files& files, const std::string& path);

// What `apply` would do, failing for each reason that can be known before; changes nothing.
Result<FirmwarePlan> rehearse(const policies::terms::ModelFirmware& wishes, const std::string& password, const std::string& record_path,
                              FirmwareAttributes& firmware, images::files::Files& files);

// Reads the firmware, keeps the record at `record_path` durably before the first change, and sets what `wishes` want. `password`:
// the administrator's, current or to be set; empty when none is given. Refused, before anything is changed, when a change needs a
// password and none is given. A machine without the class is a note. PermissionDenied names the attribute that is read-only
// or whose password is wrong; what was changed before it stays, and is in the record.
Result<FirmwareReport> apply(const policies::terms::ModelFirmware& wishes, const std::string& password, const std::string& record_path,
                             FirmwareAttributes& firmware, images::files::Files& files);

// Puts back what the record says, then removes it. NotFound is no error: without a record nothing was changed.
Result<FirmwareReport> restore(const std::string& password, const std::string& record_path, FirmwareAttributes& firmware, images::files::Files& files);

}  // namespace provision::firmware
