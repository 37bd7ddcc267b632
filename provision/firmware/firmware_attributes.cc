#include "provision/firmware/firmware_attributes.h"

#include <algorithm>

namespace provision::firmware {

const Attribute* Device::attribute(const std::string& wanted) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& one) { return one.name == wanted; });
  return found == attributes.end() ? nullptr : &*found;
}

const Authentication* Device::administrator() const {
  const auto found = std::find_if(authentications.begin(), authentications.end(), [](const Authentication& one) { return one.role == "bios-admin"; });
  return found == authentications.end() ? nullptr : &*found;
}

bool is_attribute_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && name != "." && name != ".." &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c == '/' || c < ' ' || c == 0x7f; });
}

}  // namespace provision::firmware
