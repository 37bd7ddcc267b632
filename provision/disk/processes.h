// The port to child programs (mke2fs, e2fsck, resize2fs): an explicit argument list, never a shell.
#pragma once

#include <string>
#include <vector>

#include "policies/vocabulary/result.h"

namespace provision::disk {
using namespace policies::vocabulary;

struct Outcome {
  int exit_status = 0;   // 128 + signal when it was killed
  std::string output;    // the first 64 KiB of stdout
  std::string errors;    // the first 64 KiB of stderr
};

// Stay: the program cannot change the length of a file; its attempts do nothing and succeed. resize2fs cuts an image file off
// at the end of the filesystem, whatever lies behind it (decisions/0002-resize2fs-must-not-truncate.md).
enum class FileSizes { MayChange, Stay };

class Processes {
 public:
  virtual ~Processes() = default;
  // arguments[0] is the program's name, looked up in the system's program folders only. stdin is empty, the locale C.
  // NotFound when there is no such program; a program that ran and failed is an Outcome.
  virtual Result<Outcome> run(const std::vector<std::string>& arguments, FileSizes file_sizes = FileSizes::MayChange) = 0;
};

class PosixProcesses final : public Processes {
 public:
  Result<Outcome> run(const std::vector<std::string>& arguments, FileSizes file_sizes = FileSizes::MayChange) override;
};

}  // namespace provision::disk
