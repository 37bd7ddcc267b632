// The kernel's class, below a root: "/" for this machine.
#pragma once

#include <string>

#include "images/files/files.h"
#include "provision/firmware/firmware_attributes.h"

namespace provision::firmware {

class SysfsFirmware final : public FirmwareAttributes {
 public:
  // `files` is only read through; must outlive it. A value is written by one write call into the attribute itself: the kernel
  // takes each write as a whole, and has no files to be replaced.
  SysfsFirmware(images::files::Files& files, std::string root);

  Result<std::vector<Device>> read() override;
  Done set(const std::string& device, const std::string& attribute, const std::string& value) override;
  Done begin_session(const std::string& device, const std::string& authentication, const std::string& password) override;
  Done end_session(const std::string& device, const std::string& authentication) override;
  Done set_password(const std::string& device, const std::string& authentication, const std::string& password) override;

 private:
  Device read_device(const std::string& name);
  Attribute read_attribute(const std::string& folder, const std::string& name);
  std::optional<std::string> text(const std::string& path);

  images::files::Files& files_;
  std::string class_folder_;
};

}  // namespace provision::firmware
