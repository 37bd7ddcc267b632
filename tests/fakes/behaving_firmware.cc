#include "tests/fakes/behaving_firmware.h"

#include <algorithm>
#include <cstdlib>

namespace tests::fakes {
namespace {

Error failure(ErrorCode code, std::string what) { return Error{code, std::move(what), {}}; }

}  // namespace

void BehavingFirmware::lock_with(const std::string& password) {
  password_ = password;
  for (firmware::Device& device : devices_)
    for (firmware::Authentication& one : device.authentications)
      if (one.role == "bios-admin") one.enabled = !password.empty();
}

void BehavingFirmware::restart() {
  for (firmware::Device& device : devices_) device.pending_reboot = false;
  if (password_waits_) lock_with(waiting_password_);
  password_waits_ = false;
  power_on();
}

void BehavingFirmware::power_on() {
  off_ = false;
  cut_at_ = 0;
  session_.reset();  // the kernel that kept it is gone
}

std::string BehavingFirmware::value(const std::string& attribute) const {
  for (const firmware::Device& device : devices_)
    if (const firmware::Attribute* found = device.attribute(attribute)) return found->current.value_or("?");
  return "?";
}

Done BehavingFirmware::begin_write() {
  if (off_) return failure(ErrorCode::Interrupted, "the power is off");
  ++writes_;
  return {};
}

Done BehavingFirmware::end_write() {
  if (cut_at_ != 0 && writes_ >= cut_at_) {
    off_ = true;
    return failure(ErrorCode::Interrupted, "the power failed");
  }
  return {};
}

Result<firmware::Device*> BehavingFirmware::find(const std::string& device) {
  if (!firmware::is_attribute_name(device)) return failure(ErrorCode::InvalidInput, "no name");
  for (firmware::Device& one : devices_)
    if (one.name == device) return &one;
  return failure(ErrorCode::NotFound, "no device " + device);
}

Result<firmware::Authentication*> BehavingFirmware::find_authentication(const std::string& device, const std::string& authentication) {
  if (!firmware::is_attribute_name(authentication)) return failure(ErrorCode::InvalidInput, "no name");
  auto found = find(device);
  if (!found) return found.error();
  for (firmware::Authentication& one : (*found)->authentications)
    if (one.name == authentication) return &one;
  return failure(ErrorCode::NotFound, "no authentication " + authentication);
}

Result<std::vector<firmware::Device>> BehavingFirmware::read() {
  if (off_) return failure(ErrorCode::Interrupted, "the power is off");
  return devices_;
}

Done BehavingFirmware::set(const std::string& device, const std::string& attribute, const std::string& value) {
  if (!firmware::is_attribute_name(attribute)) return failure(ErrorCode::InvalidInput, "no name");
  auto found = find(device);
  if (!found) return found.error();
  const auto entry = std::find_if((*found)->attributes.begin(), (*found)->attributes.end(), [&](const auto& one) { return one.name == attribute; });
  if (entry == (*found)->attributes.end()) return failure(ErrorCode::NotFound, "no attribute " + attribute);
  if (Done begun = begin_write(); !begun) return begun;
  if (read_only_.contains(attribute)) return failure(ErrorCode::PermissionDenied, attribute + " is read-only");
  if (!session_fits()) return failure(ErrorCode::PermissionDenied, "the password is wrong");
  if (entry->type == firmware::AttributeType::Enumeration && std::find(entry->possible.begin(), entry->possible.end(), value) == entry->possible.end())
    return failure(ErrorCode::InvalidInput, attribute + " does not take that");
  if (entry->type == firmware::AttributeType::Integer && (value.empty() || value.find_first_not_of("0123456789") != std::string::npos ||
                                                          std::stoll(value) < entry->lowest.value_or(0) || std::stoll(value) > entry->highest.value_or(INT64_MAX)))
    return failure(ErrorCode::InvalidInput, attribute + " does not take that");
  entry->current = value;
  (*found)->pending_reboot = true;
  return end_write();
}

Done BehavingFirmware::begin_session(const std::string& device, const std::string& authentication, const std::string& password) {
  auto found = find_authentication(device, authentication);
  if (!found) return found.error();
  if (Done begun = begin_write(); !begun) return begun;
  session_ = password;
  return end_write();
}

Done BehavingFirmware::end_session(const std::string& device, const std::string& authentication) {
  auto found = find_authentication(device, authentication);
  if (!found) return found.error();
  if (Done begun = begin_write(); !begun) return begun;
  session_.reset();
  return end_write();
}

Done BehavingFirmware::set_password(const std::string& device, const std::string& authentication, const std::string& password) {
  auto found = find_authentication(device, authentication);
  if (!found) return found.error();
  if (Done begun = begin_write(); !begun) return begun;
  if (!session_fits()) return failure(ErrorCode::PermissionDenied, "the password is wrong");
  if (delays_passwords_) {
    waiting_password_ = password;
    password_waits_ = true;
  } else {
    lock_with(password);
  }
  (*find(device))->pending_reboot = true;
  return end_write();
}

}  // namespace tests::fakes
