// The files on an EFI system partition that is not mounted, by mtools: what a boot loader of the Boot Loader
// Specification looks for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "images/files/files.h"
#include "provision/disk/disk_facts.h"
#include "provision/disk/processes.h"

namespace provision::install {
using namespace policies::vocabulary;

// A file too large to be held: a kernel.
struct BootContent {
  std::string source;  // where its bytes are when it is written
  Bytes size;
  Digest sha256;
};

struct BootFile {
  std::string path;  // from the top of the ESP, "/loader/loader.conf"; parts of at most 100 of printable ASCII without " * / : < > ? \ |
  std::string text;  // at most 32 KiB
  std::optional<BootContent> content{};  // instead of a text
};

// The loader folder: its settings, the kind of entries it holds, and the machine-id under which this machine's kernels
// are filed.
std::vector<BootFile> boot_files(const std::string& machine_id);

class EspFiles {
 public:
  // `work_folder` is where files are prepared before mtools copies them; it must exist. All must outlive this.
  EspFiles(disk::Processes& processes, images::files::Files& files, std::string work_folder)
      : processes_(processes), files_(files), work_folder_(std::move(work_folder)) {}

  // The paths that are missing or hold other text. Unsupported when mtools is not there.
  Result<std::vector<std::string>> differences(const std::string& disk, const disk::Extent& esp,
                                               const std::vector<BootFile>& wanted);
  // Writes all of them, durably. Cut on the way, it may leave a FAT that needs to be made again: format the ESP before
  // you repeat it.
  Done write(const std::string& disk, const disk::Extent& esp, const std::vector<BootFile>& wanted);

 private:
  Result<bool> is_as_wanted(const std::string& disk, const disk::Extent& esp, const BootFile& file);
  Done copy(const std::string& disk, const disk::Extent& esp, const BootFile& file);
  Result<disk::Outcome> run(std::vector<std::string> arguments, const std::string& disk, const disk::Extent& esp);
  disk::Processes& processes_;
  images::files::Files& files_;
  std::string work_folder_;
};

}  // namespace provision::install
