#include "provision/disk/loop_window.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace provision::disk {
namespace {

// Another process may take the free device first.
constexpr int tries_max = 16;

Error unsupported(std::string_view act) {
  return {ErrorCode::Unsupported, fmt::format("{}: {} (loop devices need root)", act, std::strerror(errno)), {}};
}

struct Descriptor {
  int number = -1;
  explicit Descriptor(int opened) : number(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

Result<LoopWindow> LoopWindow::open(const std::string& path, const Extent& extent, std::uint32_t sector_size) {
  const Descriptor backing(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (backing.number < 0) return unsupported("opening " + path);
  const Descriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (control.number < 0) return unsupported("opening /dev/loop-control");
  for (int i = 0; i < tries_max; ++i) {
    const int number = ::ioctl(control.number, LOOP_CTL_GET_FREE);
    if (number < 0) return unsupported("finding a free loop device");
    const std::string device = fmt::format("/dev/loop{}", number);
    const int opened = ::open(device.c_str(), O_RDWR | O_CLOEXEC);
    if (opened < 0) return unsupported("opening " + device);
    LoopWindow window(opened, device);
    loop_config config{};
    config.fd = static_cast<__u32>(backing.number);
    config.block_size = sector_size;
    config.info.lo_offset = extent.start.count;
    config.info.lo_sizelimit = extent.size.count;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (::ioctl(opened, LOOP_CONFIGURE, &config) == 0) return window;
    if (errno != EBUSY) return unsupported("setting up " + device);
  }
  return Error{ErrorCode::Unsupported, "every free loop device was taken by others at once", {}};
}

LoopWindow::~LoopWindow() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Done LoopWindow::sync() {
  if (::fsync(descriptor_) == 0) return {};
  return Error{ErrorCode::IoFailure, fmt::format("making durable what was written to {}: {}", device_, std::strerror(errno)), {}};
}

}  // namespace provision::disk
