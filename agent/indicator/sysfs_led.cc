#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "agent/indicator/led.h"

namespace agent::indicator {
namespace {

constexpr std::size_t attribute_size_max = 16 << 10;  // the list of triggers is long on a machine with many drivers

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENODEV:
    case ENOTDIR: return ErrorCode::NotFound;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::PermissionDenied;
    case EINVAL: return ErrorCode::InvalidInput;
    default: return ErrorCode::IoFailure;
  }
}

// One attribute of the LED, held open.
class AttributeFile {
 public:
  AttributeFile() = default;
  AttributeFile(AttributeFile&& other) noexcept : file_(std::exchange(other.file_, -1)), path_(std::move(other.path_)) {}
  AttributeFile& operator=(AttributeFile&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~AttributeFile() {
    if (file_ >= 0) ::close(file_);
  }

  static Result<AttributeFile> open(std::string path, int flags) {
    AttributeFile opened;
    opened.path_ = std::move(path);
    opened.file_ = ::open(opened.path_.c_str(), flags | O_CLOEXEC);
    if (opened.file_ < 0) return opened.failure("open");
    return opened;
  }

  [[nodiscard]] Result<std::string> read() const {
    std::string text(attribute_size_max, '\0');
    const ssize_t size = ::pread(file_, text.data(), text.size(), 0);
    if (size < 0) return failure("read");
    text.resize(static_cast<std::size_t>(size));
    while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
    return text;
  }

  [[nodiscard]] Done write(const std::string& text) const {
    const std::string line = text + "\n";
    // The kernel takes each write as a whole; a plain file in its place must not keep the tail of a longer value.
    if (::pwrite(file_, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) return failure("write");
    (void)!::ftruncate(file_, static_cast<off_t>(line.size()));
    return {};
  }

 private:
  [[nodiscard]] Error failure(const char* doing) const {
    return Error{code_of(errno), std::string("cannot ") + doing + " '" + path_ + "': " + std::generic_category().message(errno), {}};
  }
  int file_ = -1;
  std::string path_;
};

class SysfsLed final : public Led {
 public:
  SysfsLed(AttributeFile trigger, AttributeFile brightness, AttributeFile highest)
      : trigger_(std::move(trigger)), brightness_(std::move(brightness)), highest_(std::move(highest)) {}

  Result<LedState> read() override {
    const auto triggers = trigger_.read();
    if (!triggers) return triggers.error();
    auto brightness = brightness_.read();
    if (!brightness) return brightness.error();
    return LedState{trigger_in(*triggers), *std::move(brightness)};
  }
  Result<std::string> brightness_max() override { return highest_.read(); }
  Done set_trigger(const std::string& trigger) override { return trigger_.write(trigger); }
  Done set_brightness(const std::string& brightness) override { return brightness_.write(brightness); }

 private:
  AttributeFile trigger_;
  AttributeFile brightness_;
  AttributeFile highest_;
};

}  // namespace

std::string trigger_in(std::string_view list) {
  const std::size_t open = list.find('[');
  const std::size_t close = list.find(']', open == std::string_view::npos ? 0 : open);
  if (open != std::string_view::npos && close != std::string_view::npos) return std::string(list.substr(open + 1, close - open - 1));
  return list.find(' ') == std::string_view::npos ? std::string(list) : std::string();
}

Result<std::unique_ptr<Led>> open_sysfs_led(const std::string& folder, const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.'))
    return Error{ErrorCode::InvalidInput, "'" + name + "' is not the name of a LED", {}};
  std::array<AttributeFile, 3> files;
  constexpr std::array attributes = {std::pair{"/trigger", O_RDWR}, std::pair{"/brightness", O_RDWR}, std::pair{"/max_brightness", O_RDONLY}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto opened = AttributeFile::open(folder + "/" + name + attributes[i].first, attributes[i].second);
    if (!opened) return opened.error();
    files[i] = *std::move(opened);
  }
  return std::unique_ptr<Led>(std::make_unique<SysfsLed>(std::move(files[0]), std::move(files[1]), std::move(files[2])));
}

}  // namespace agent::indicator
