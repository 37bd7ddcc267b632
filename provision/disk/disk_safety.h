// Whether a disk may be written to at all: decided purely from what `Disks::use_of` and `Disks::attached` report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/result.h"

namespace provision::disk {
using namespace policies::vocabulary;

enum class DeviceKind { ImageFile, BlockDevice };

// Who uses a disk, or any partition of it, now.
struct DiskUse {
  DeviceKind kind = DeviceKind::ImageFile;
  std::string path;
  std::string serial;                     // empty when it has none
  std::string wwn;
  bool read_only = false;
  std::vector<std::string> mounted_at;    // mount points of it or of its partitions; also of loop devices over an image
  std::vector<std::string> holders;       // device-mapper, RAID, swap: kernel names
  bool holds_running_system = false;      // "/" , "/usr" or "/boot" lie on it
  bool exclusively_opened = false;        // O_EXCL was refused: another program has it
  std::vector<std::string> twins;         // paths of other disks that bear the same serial or WWN
};

struct AttachedDisk {
  std::string path;
  std::string serial;
  std::string wwn;
  std::string model;
  Bytes size;
  bool operator==(const AttachedDisk&) const = default;
};

// What a person said about the disk. Image files need no confirmation.
struct Confirmation {
  std::string repeated;  // must equal the disk's path, serial or WWN
};

// Refused, naming the reason and the way out, for a disk that is mounted, held, opened, read-only, that holds the running
// system, or a block device whose path, serial or WWN was not repeated; a serial or WWN that other disks bear too repeats nothing.
Done may_write(const DiskUse& use, const Confirmation& confirmation);

// "serial:" or "wwn:" before a name says what it is; without, it may be a path too.
inline constexpr std::string_view by_serial = "serial:";
inline constexpr std::string_view by_wwn = "wwn:";

// Whether `name` is this path, serial or WWN. WWNs are the same with and without "0x", "naa.", "eui.", in either case.
bool names_disk(const std::string& name, const std::string& path, const std::string& serial, const std::string& wwn);

// The one disk whose path, serial or WWN is `name`. NotFound lists what is there; Conflict lists those that match.
Result<AttachedDisk> choose_disk(const std::vector<AttachedDisk>& disks, const std::string& name);

}  // namespace provision::disk
