// What a run acts through, and to whom it tells how far it is.
#pragma once

#include <string>
#include <string_view>

#include "images/files/files.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "provision/disk/disks.h"
#include "provision/disk/processes.h"

namespace provision::run {
using namespace policies::vocabulary;

// Told of each step as it begins, of how far a long one is, and of what people should know. For people only: nothing is
// decided by it. Called by one thread at a time.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void begins(std::string_view step) = 0;
  virtual void notes(std::string_view text) = 0;
  // Within the step that began last: so much of its bytes is on the disk. Told as often as it changes; never decreasing.
  virtual void moved(Bytes done, Bytes all) {
    (void)done;
    (void)all;
  }
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
