#include "provision/disk/device_use.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <set>

#include "provision/disk/kernel_files.h"

namespace provision::disk {
namespace {

constexpr int holders_depth_max = 8;

// One value of a sysfs attribute, without the blanks that some drivers put around it.
std::string value_at(const std::string& path) {
  const std::string text = text_at(path);
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string real_path(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) == nullptr ? path : resolved;
}

// "sda" for "/dev/sda"; "cciss!c0d0" for "/dev/cciss/c0d0".
std::string kernel_name(const std::string& path) {
  std::string name = real_path(path);
  if (name.starts_with("/dev/")) name = name.substr(5);
  for (char& c : name)
    if (c == '/') c = '!';
  return name;
}

// Numbers ("8:2") of a block device, its partitions, and all that is built upon them.
void gather(const std::string& folder, int depth, std::set<std::string>& numbers, std::set<std::string>& holders,
            const std::string& root) {
  if (depth > holders_depth_max) return;
  const std::string number = value_at(folder + "/dev");
  if (number.empty() || !numbers.insert(number).second) return;
  for (const std::string& name : names_in(folder))
    if (exists(folder + "/" + name + "/partition")) gather(folder + "/" + name, depth + 1, numbers, holders, root);
  for (const std::string& name : names_in(folder + "/holders")) {
    holders.insert(name);
    gather(root + "/sys/class/block/" + name, depth + 1, numbers, holders, root);
  }
}

// "dm-0 (opened LUKS container home)": what a person must close.
std::string holder_text(const std::string& root, const std::string& name) {
  const std::string folder = root + "/sys/class/block/" + name;
  const std::string mapped = value_at(folder + "/dm/name");
  const std::string origin = value_at(folder + "/dm/uuid");
  if (origin.starts_with("CRYPT-")) return fmt::format("{} (opened LUKS container {})", name, mapped);
  if (origin.starts_with("LVM-")) return fmt::format("{} (LVM volume {})", name, mapped);
  if (!mapped.empty()) return fmt::format("{} (mapped as {})", name, mapped);
  const std::string level = value_at(folder + "/md/level");
  if (!level.empty()) return fmt::format("{} (RAID array, {})", name, level);
  const std::string backing = value_at(folder + "/loop/backing_file");
  return backing.empty() ? name : fmt::format("{} (loop device over {})", name, backing);
}

void gather_loops(const std::string& root, const std::string& image, std::set<std::string>& numbers,
                  std::set<std::string>& holders) {
  for (const std::string& name : names_in(root + "/sys/class/block")) {
    const std::string folder = root + "/sys/class/block/" + name;
    if (!name.starts_with("loop") || value_at(folder + "/loop/backing_file") != image) continue;
    holders.insert(name);
    gather(folder, 0, numbers, holders, root);
  }
}

bool system_mount(const std::string& target) {
  return target == "/" || target == "/usr" || target == "/boot" || target == "/boot/efi" || target == "/efi";
}

void add_mounts(const std::string& root, const std::set<std::string>& numbers, DiskUse& use) {
  for (const Mount& mount : mounts_from(text_at(root + "/proc/self/mountinfo"))) {
    bool ours = numbers.contains(mount.device);
    // btrfs and overlays mount under numbers of their own; their source names the device.
    struct stat status {};
    if (!ours && mount.source.starts_with("/dev/") && ::stat(mount.source.c_str(), &status) == 0 && S_ISBLK(status.st_mode))
      ours = numbers.contains(fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev)));
    if (!ours) continue;
    use.mounted_at.push_back(mount.target);
    use.holds_running_system = use.holds_running_system || system_mount(mount.target);
  }
}

void add_swaps(const std::string& root, const std::set<std::string>& numbers, std::set<std::string>& holders) {
  const std::string swaps = text_at(root + "/proc/swaps");
  for (std::size_t at = 0; at < swaps.size();) {
    const std::string line = swaps.substr(at, swaps.find('\n', at) - at);
    at += line.size() + 1;
    if (!line.starts_with("/dev/")) continue;
    const std::string device = line.substr(0, line.find(' '));
    std::string number = value_at(root + "/sys/class/block/" + kernel_name(device) + "/dev");
    struct stat status {};
    if (number.empty() && ::stat(device.c_str(), &status) == 0) number = fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
    if (numbers.contains(number)) holders.insert("swap on " + device);
  }
}

// Cheap enclosures give every disk in them the same serial.
Done add_twins(const std::string& root, DiskUse& use) {
  Result<std::vector<AttachedDisk>> attached = read_attached(root);
  if (!attached) return attached.error();
  for (const AttachedDisk& other : *attached) {
    const bool alike = (!use.serial.empty() && other.serial == use.serial) || (!use.wwn.empty() && other.wwn == use.wwn);
    if (alike && kernel_name(other.path) != kernel_name(use.path)) use.twins.push_back(other.path);
  }
  return {};
}

void add_users(const std::string& root, const std::set<std::string>& numbers, const std::set<std::string>& holders, DiskUse& use) {
  add_mounts(root, numbers, use);
  for (const std::string& name : holders) use.holders.push_back(holder_text(root, name));
  std::set<std::string> swaps;
  add_swaps(root, numbers, swaps);
  use.holders.insert(use.holders.end(), swaps.begin(), swaps.end());
}

}  // namespace

std::vector<Mount> mounts_from(std::string_view mountinfo) {
  const auto unescaped = [](std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto digit = [&](std::size_t k) { return i + k < text.size() && text[i + k] >= '0' && text[i + k] <= '7'; };
      if (text[i] == '\\' && digit(1) && digit(2) && digit(3)) {
        plain.push_back(static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0')));
        i += 3;
      } else {
        plain.push_back(text[i]);
      }
    }
    return plain;
  };
  std::vector<Mount> mounts;
  while (!mountinfo.empty()) {
    const std::size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    const std::string_view line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t stop = std::min(line.find(' ', at), line.size());
      words.push_back(line.substr(at, stop - at));
      at = stop + 1;
    }
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 7 || dash == words.end() || words.end() - dash < 3) continue;
    mounts.push_back({std::string(words[2]), unescaped(*(dash + 2)), unescaped(words[4])});
  }
  return mounts;
}

DeviceNames names_of_device(const std::string& root, const std::string& path) {
  const std::string folder = root + "/sys/class/block/" + kernel_name(path);
  DeviceNames names;
  names.serial = value_at(folder + "/device/serial");
  if (names.serial.empty()) names.serial = value_at(folder + "/serial");
  names.wwn = value_at(folder + "/device/wwid");
  if (names.wwn.empty()) names.wwn = value_at(folder + "/wwid");
  names.model = value_at(folder + "/device/model");
  return names;
}

Result<DiskUse> read_use(const std::string& root, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return Error{errno == ENOENT ? ErrorCode::NotFound : ErrorCode::IoFailure,
                 fmt::format("looking at {}: {}", path, std::strerror(errno)), {}};
  DiskUse use;
  if (S_ISBLK(status.st_mode)) {
    Result<DiskUse> device = use_by_name(root, kernel_name(path));
    if (!device) return device;
    device->path = path;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC);
    device->exclusively_opened = descriptor < 0 && errno == EBUSY;
    if (descriptor >= 0) ::close(descriptor);
    return device;
  }
  use.path = path;
  use.read_only = ::access(path.c_str(), W_OK) != 0;
  std::set<std::string> numbers;
  std::set<std::string> loops;
  gather_loops(root, real_path(path), numbers, loops);
  add_users(root, numbers, loops, use);
  return use;
}

Result<DiskUse> use_by_name(const std::string& root, const std::string& name) {
  const std::string folder = root + "/sys/class/block/" + name;
  DiskUse use;
  use.kind = DeviceKind::BlockDevice;
  use.path = "/dev/" + name;
  if (!exists(folder)) return Error{ErrorCode::NotFound, "the kernel knows no block device " + name, {}};
  if (exists(folder + "/partition")) return Error{ErrorCode::Refused, use.path + " is a partition; name the whole disk", {}};
  const DeviceNames names = names_of_device(root, use.path);
  use.serial = names.serial;
  use.wwn = names.wwn;
  use.read_only = value_at(folder + "/ro") == "1";
  std::set<std::string> numbers;
  std::set<std::string> holders;
  gather(folder, 0, numbers, holders, root);
  add_users(root, numbers, holders, use);
  if (Done searched = add_twins(root, use); !searched) return searched.error();
  return use;
}

Result<std::vector<AttachedDisk>> read_attached(const std::string& root) {
  std::vector<AttachedDisk> disks;
  for (const std::string& name : names_in(root + "/sys/class/block")) {
    const std::string folder = root + "/sys/class/block/" + name;
    const bool candidate = !exists(folder + "/partition") && !name.starts_with("loop") && !name.starts_with("ram") &&
                           !name.starts_with("zram") && !name.starts_with("sr") && !name.starts_with("fd") &&
                           !name.starts_with("dm-") && !name.starts_with("md");
    const std::uint64_t sectors = std::strtoull(value_at(folder + "/size").c_str(), nullptr, 10);
    if (!candidate || sectors == 0) continue;
    std::string device = name;
    for (char& c : device)
      if (c == '!') c = '/';
    const DeviceNames names = names_of_device(root, "/dev/" + device);
    disks.push_back({"/dev/" + device, names.serial, names.wwn, names.model, {sectors * 512}});
  }
  return disks;
}

}  // namespace provision::disk
