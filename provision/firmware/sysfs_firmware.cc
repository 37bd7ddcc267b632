#include "provision/firmware/sysfs_firmware.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

namespace provision::firmware {
namespace {

constexpr Bytes value_max = kibibytes(64);  // sysfs gives a page; HP's lists are longer on some
constexpr std::size_t attributes_max = 4096;
constexpr std::size_t possible_max = 256;

std::optional<std::int64_t> whole(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (text->empty() || failure != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

AttributeType type_of(const std::string& text) {
  if (text == "enumeration") return AttributeType::Enumeration;
  if (text == "integer") return AttributeType::Integer;
  return text == "string" ? AttributeType::String : AttributeType::Other;
}

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::NotFound;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::PermissionDenied;
    case EINVAL:
    case ERANGE: return ErrorCode::InvalidInput;
    case EOPNOTSUPP: return ErrorCode::Unsupported;
    case EBUSY:
    case EAGAIN: return ErrorCode::Unavailable;
    default: return ErrorCode::IoFailure;
  }
}

// The text is not in the error: it may be a password.
Done write_attribute(const std::string& path, std::string text) {
  text += '\n';
  const auto failed = [&] {
    return Error{code_of(errno), fmt::format("the firmware refused the change ({}): {}", path, std::generic_category().message(errno)), {}};
  };
  const int file = ::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return failed();
  const ssize_t written = ::write(file, text.data(), text.size());
  const Done done = written == static_cast<ssize_t>(text.size()) ? Done() : Done(failed());
  ::close(file);
  return done;
}

Done check_names(const std::string& device, const std::string& name) {
  if (is_attribute_name(device) && is_attribute_name(name)) return {};
  return Error{ErrorCode::InvalidInput, "a firmware attribute has no name like that", {}};
}

}  // namespace

SysfsFirmware::SysfsFirmware(images::files::Files& files, std::string root) : files_(files), class_folder_(std::move(root)) {
  while (class_folder_.ends_with('/')) class_folder_.pop_back();
  class_folder_ += "/sys/class/firmware-attributes";
}

std::optional<std::string> SysfsFirmware::text(const std::string& path) {
  auto read = files_.read(path, value_max);
  if (!read) return std::nullopt;
  while (read->ends_with('\n') || read->ends_with('\r')) read->pop_back();
  return std::move(*read);
}

Attribute SysfsFirmware::read_attribute(const std::string& folder, const std::string& name) {
  Attribute attribute;
  attribute.name = name;
  attribute.type = type_of(text(folder + "/type").value_or(""));
  attribute.current = text(folder + "/current_value");
  attribute.lowest = whole(text(folder + "/min_value"));
  attribute.highest = whole(text(folder + "/max_value"));
  attribute.increment = whole(text(folder + "/scalar_increment"));
  attribute.length_max = whole(text(folder + "/max_length"));
  // Dell ends the list with a ';', too.
  const std::string possible = text(folder + "/possible_values").value_or("");
  for (std::string_view rest = possible; !rest.empty() && attribute.possible.size() < possible_max;) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    if (end > 0) attribute.possible.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return attribute;
}

Device SysfsFirmware::read_device(const std::string& name) {
  Device device;
  device.name = name;
  const std::string attributes = class_folder_ + "/" + name + "/attributes";
  device.pending_reboot = text(attributes + "/pending_reboot") == "1";
  for (const std::string& entry : files_.list(attributes) ? *files_.list(attributes) : std::vector<std::string>()) {
    // pending_reboot, reset_bios and debug_cmd are files; only folders are attributes.
    if (device.attributes.size() >= attributes_max || !is_attribute_name(entry) || !files_.list(attributes + "/" + entry)) continue;
    device.attributes.push_back(read_attribute(attributes + "/" + entry, entry));
  }
  const std::string authentication = class_folder_ + "/" + name + "/authentication";
  for (const std::string& entry : files_.list(authentication) ? *files_.list(authentication) : std::vector<std::string>()) {
    const std::string folder = authentication + "/" + entry;
    if (!is_attribute_name(entry) || !files_.list(folder)) continue;
    device.authentications.push_back({entry, text(folder + "/role").value_or(""), text(folder + "/is_enabled") == "1",
                                      whole(text(folder + "/min_password_length")), whole(text(folder + "/max_password_length"))});
  }
  return device;
}

Result<std::vector<Device>> SysfsFirmware::read() {
  std::vector<Device> devices;
  const auto names = files_.list(class_folder_);
  if (!names && names.error().code != ErrorCode::NotFound) return names.error();
  if (!names) return devices;
  for (const std::string& name : *names)
    if (is_attribute_name(name)) devices.push_back(read_device(name));
  return devices;
}

Done SysfsFirmware::set(const std::string& device, const std::string& attribute, const std::string& value) {
  if (Done named = check_names(device, attribute); !named) return named;
  return write_attribute(fmt::format("{}/{}/attributes/{}/current_value", class_folder_, device, attribute), value);
}

Done SysfsFirmware::begin_session(const std::string& device, const std::string& authentication, const std::string& password) {
  if (Done named = check_names(device, authentication); !named) return named;
  return write_attribute(fmt::format("{}/{}/authentication/{}/current_password", class_folder_, device, authentication), password);
}

Done SysfsFirmware::end_session(const std::string& device, const std::string& authentication) { return begin_session(device, authentication, ""); }

Done SysfsFirmware::set_password(const std::string& device, const std::string& authentication, const std::string& password) {
  if (Done named = check_names(device, authentication); !named) return named;
  return write_attribute(fmt::format("{}/{}/authentication/{}/new_password", class_folder_, device, authentication), password);
}

}  // namespace provision::firmware
