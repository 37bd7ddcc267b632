#include "provision/firmware/apply.h"

#include <fmt/format.h>

#include <algorithm>

namespace provision::firmware {
namespace {

Done check_password(const FirmwarePlan& plan, const std::string& password) {
  if (plan.locked.empty() || !password.empty()) return {};
  return Error{ErrorCode::Refused,
               fmt::format("the firmware of this machine ({}) asks for its administrator's password; give the file that holds it with --password-file",
                           fmt::join(plan.locked, ", ")),
               {}};
}

const Device* find(const std::vector<Device>& devices, const std::string& name) {
  const auto found = std::find_if(devices.begin(), devices.end(), [&](const Device& device) { return device.name == name; });
  return found == devices.end() ? nullptr : &*found;
}

Done check_length(const FirmwarePlan& plan, const std::vector<Device>& devices, const std::string& password) {
  for (const PlannedPassword& planned : plan.passwords) {
    const Device* device = find(devices, planned.device);
    const Authentication* administrator = device == nullptr ? nullptr : device->administrator();
    if (planned.change != PasswordChange::Set || administrator == nullptr) continue;
    const auto size = static_cast<std::int64_t>(password.size());
    if ((administrator->length_min && size < *administrator->length_min) || (administrator->length_max && size > *administrator->length_max))
      return Error{ErrorCode::InvalidInput,
                   fmt::format("the firmware of {} takes a password of {} to {} bytes, the file has {}", planned.device, administrator->length_min.value_or(0),
                               administrator->length_max.value_or(0), size),
                   {}};
  }
  return {};
}

// Sessions are opened for the changes of one device and always closed: the kernel would keep the password otherwise.
class Session {
 public:
  Session(FirmwareAttributes& firmware, const Device& device, const FirmwarePlan& plan, const std::string& password) : firmware_(firmware) {
    const bool locked = std::find(plan.locked.begin(), plan.locked.end(), device.name) != plan.locked.end();
    if (!locked) return;
    device_ = device.name;
    authentication_ = device.administrator()->name;
    begun_ = firmware_.begin_session(device_, authentication_, password);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (!device_.empty()) (void)firmware_.end_session(device_, authentication_).has_value();
  }
  [[nodiscard]] const Done& begun() const { return begun_; }

 private:
  FirmwareAttributes& firmware_;
  std::string device_;
  std::string authentication_;
  Done begun_;
};

Done carry_out_on(const Device& device, const FirmwarePlan& plan, const std::string& password, FirmwareAttributes& firmware, FirmwareReport& report) {
  const Session session(firmware, device, plan, password);
  if (!session.begun()) return session.begun();
  for (const Change& change : plan.changes) {
    if (change.device != device.name) continue;
    if (Done set = firmware.set(change.device, change.attribute, change.to); !set) return set.error().within(text_of(change));
    report.done.push_back(text_of(change));
  }
  for (const PlannedPassword& planned : plan.passwords) {
    if (planned.device != device.name) continue;
    const bool sets = planned.change == PasswordChange::Set;
    const std::string doing = fmt::format("{} the administrator's password of {}", sets ? "set" : "remove", device.name);
    if (Done changed = firmware.set_password(planned.device, planned.authentication, sets ? password : ""); !changed) return changed.error().within(doing);
    report.done.push_back(doing);
  }
  return {};
}

// What was set must be there, or wait for the next start.
Done read_back(const FirmwarePlan& plan, FirmwareAttributes& firmware, FirmwareReport& report) {
  const auto devices = firmware.read();
  if (!devices) return devices.error();
  for (const Change& change : plan.changes) {
    const Device* device = find(*devices, change.device);
    const Attribute* attribute = device == nullptr ? nullptr : device->attribute(change.attribute);
    if (attribute != nullptr && attribute->current == change.to) continue;
    if (device == nullptr || !device->pending_reboot)
      return Error{ErrorCode::Conflict, fmt::format("{} of {} was set to {} and reads otherwise; set it by hand in the firmware's own pages", change.attribute,
                                                    change.device, change.to), {}};
  }
  for (const Device& device : *devices)
    if (device.pending_reboot) report.notes.push_back(fmt::format("{}: changes take effect at the next start", device.name));
  return {};
}

Done carry_out(const FirmwarePlan& plan, const std::vector<Device>& devices, const std::string& password, FirmwareAttributes& firmware,
               FirmwareReport& report) {
  for (const Device& device : devices)
    if (Done done = carry_out_on(device, plan, password, firmware, report); !done) return done;
  return read_back(plan, firmware, report);
}

Result<FirmwarePlan> planned(const policies::terms::ModelFirmware& wishes, const std::string& password, const FirmwareRecord& recorded,
                             const std::vector<Device>& devices) {
  auto plan = plan_for(wishes, devices, recorded, password.empty() ? PasswordGiven::No : PasswordGiven::Yes);
  if (!plan) return plan.error();
  if (Done given = check_password(*plan, password); !given) return given.error();
  if (Done length = check_length(*plan, devices, password); !length) return length.error();
  return plan;
}

}  // namespace

Result<FirmwareRecord> read_record(images::files::Files& files, const std::string& path) {
  auto text = files.read(path, Bytes{record_size_max});
  if (!text && text.error().code == ErrorCode::NotFound) return FirmwareRecord{};
  if (!text) return text.error();
  auto record = record_from(*text);
  if (!record) return record.error().within("reading " + path);
  return record;
}

Result<FirmwarePlan> rehearse(const policies::terms::ModelFirmware& wishes, const std::string& password, const std::string& record_path,
                              FirmwareAttributes& firmware, images::files::Files& files) {
  const auto recorded = read_record(files, record_path);
  if (!recorded) return recorded.error();
  const auto devices = firmware.read();
  if (!devices) return devices.error();
  return planned(wishes, password, *recorded, *devices);
}

Result<FirmwareReport> apply(const policies::terms::ModelFirmware& wishes, const std::string& password, const std::string& record_path,
                             FirmwareAttributes& firmware, images::files::Files& files) {
  const auto recorded = read_record(files, record_path);
  if (!recorded) return recorded.error();
  const auto devices = firmware.read();
  if (!devices) return devices.error();
  const auto plan = planned(wishes, password, *recorded, *devices);
  if (!plan) return plan.error();
  FirmwareReport report;
  report.notes = plan->notes;
  if (plan->nothing_to_do()) return report;
  // Originals first: whatever is cut after this can be put back.
  if (!(plan->record == *recorded))
    if (Done kept = files.replace(record_path, text_of(plan->record), images::files::Access::OwnerOnly); !kept)
      return kept.error().within("recording what the firmware was");
  if (Done done = carry_out(*plan, *devices, password, firmware, report); !done) return done.error();
  return report;
}

Result<FirmwareReport> restore(const std::string& password, const std::string& record_path, FirmwareAttributes& firmware, images::files::Files& files) {
  const auto recorded = read_record(files, record_path);
  if (!recorded) return recorded.error();
  FirmwareReport report;
  if (recorded->empty()) {
    report.restored = true;
    return report;
  }
  const auto devices = firmware.read();
  if (!devices) return devices.error();
  const FirmwarePlan plan = plan_restoring(*recorded, *devices);
  report.notes = plan.notes;
  if (Done given = check_password(plan, password); !given) return given.error();
  if (Done done = carry_out(plan, *devices, password, firmware, report); !done) return done.error();
  if (plan.must_wait) return report;
  if (Done removed = files.remove(record_path); !removed) return removed.error();
  report.restored = true;
  return report;
}

}  // namespace provision::firmware
