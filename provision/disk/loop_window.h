// A part of an image or disk as a block device of its own, for programs that know no offset. Needs root.
#pragma once

#include <string>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"

namespace provision::disk {

// The kernel takes the device away when the last program closes it, so a run that is killed leaves none behind.
class LoopWindow {
 public:
  // Unsupported, with the reason, where no loop device can be made.
  static Result<LoopWindow> open(const std::string& path, const Extent& extent, std::uint32_t sector_size);
  LoopWindow(LoopWindow&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), device_(std::move(other.device_)) {}
  LoopWindow& operator=(LoopWindow&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(device_, other.device_);
    return *this;
  }
  ~LoopWindow();

  [[nodiscard]] const std::string& device() const { return device_; }  // "/dev/loop3"
  // What was written through it is on the medium.
  Done sync();

 private:
  LoopWindow(int descriptor, std::string device) : descriptor_(descriptor), device_(std::move(device)) {}
  int descriptor_ = -1;
  std::string device_;
};

}  // namespace provision::disk
