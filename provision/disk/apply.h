// Acts on a plan, thinly: reads the facts, asks `difference` what is left, does it, and reads again that nothing is left.
#pragma once

#include <vector>

#include "provision/disk/disks.h"

namespace provision::disk {

// Told before and after each step, so that a run can journal intents and outcomes. An error of either stops the run there.
// Formats are done together: all of them begin before the first has ended.
class StepWitness {
 public:
  virtual ~StepWitness() = default;
  virtual Done begins(const Step& step) = 0;
  virtual Done ended(const Step& step) = 0;
};

// Where the content of a Content::Image partition comes from.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // Writes all of it, reads it back, and gives it the planned label and UUID last. Durable; cut at any point, the partition
  // shows no filesystem with that UUID, and the same call finishes it.
  virtual Done write(const std::string& disk_path, const PlannedPartition& partition) = 0;
};

// One step, one change of the disk. `keys` is read by FormatLuks only, `image` by WriteImage; nullptr is InvalidInput there.
Done do_step(const Step& step, const DiskPlan& plan, const LeaseKeys* keys, Disks& disks, ImageSource* image = nullptr);

// All that is left to do; returns what was done (empty: "No changes.", nothing was written). Run again after a cut, it
// finishes. Corrupt when the disk is not as planned after the last step. A filesystem found torn is checked first, and what is
// left is asked again. The caller has asked `may_write` before.
Result<std::vector<Step>> apply(const DiskPlan& plan, const LeaseKeys* keys, Disks& disks, StepWitness& witness, ImageSource* image = nullptr);

// Reads everything back: the table, each filesystem (e2fsck -fn on those that this plan made), the LUKS header, and, with
// keys, that each opens its slot and that a wrong one does not. Returns one line per finding; empty: as planned.
Result<std::vector<std::string>> verify(const DiskPlan& plan, const LeaseKeys* keys, Disks& disks);

}  // namespace provision::disk
