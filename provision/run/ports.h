// What a run acts through, and to whom it tells how far it is.
#pragma once

#include <string>
#include <string_view>

#include "images/files/files.h"
#include "policies/vocabulary/instant.h"
#include "provision/disk/disks.h"
#include "provision/disk/processes.h"

namespace provision::run {
using namespace policies::vocabulary;

// Told of each step as it begins and of what people should know. For people only: nothing is decided by it.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void begins(std::string_view step) = 0;
  virtual void notes(std::string_view text) = 0;
};

// All must outlive the run.
struct RunPorts {
  images::files::Files& files;
  disk::Disks& disks;
  disk::Processes& processes;
  const Clock& clock;
  Progress& progress;
};

}  // namespace provision::run
