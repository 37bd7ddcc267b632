// Mounts by mount(2), read from /proc/self/mountinfo.
#pragma once

#include "provision/lease/mounts.h"

namespace provision::lease {

class KernelMounts final : public Mounts {
 public:
  Result<std::string> source_at(const std::string& target) override;
  Result<bool> apart() override;
  Done mount(const std::string& device, const std::string& target, FolderOwner owner) override;
  Result<Bytes> capacity(const std::string& target) override;
  Done unmount(const std::string& target) override;
};

// The user of that name or number, with their first group. NotFound.
Result<FolderOwner> owner_named(const std::string& name);

}  // namespace provision::lease
