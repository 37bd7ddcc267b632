// What is asked of a run that builds a disk for an order, and what it reports.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provision/disk/disk_plan.h"
#include "provision/disk/disk_safety.h"
#include "provision/image/system_bundle.h"
#include "provision/install/agent_bundle.h"
#include "provision/order/work.h"

namespace provision::run {
using namespace policies::vocabulary;

enum class ImageChoice { MustExist, MakeWhenMissing };

struct BuildRequest {
  order::Work work;
  std::string disk_path;
  disk::Confirmation confirmation;
  ImageChoice image = ImageChoice::MustExist;                      // new machines only
  std::uint32_t image_sector_size = 0;                             // new image files only: 512 or 4096; 0: as found, else 512
  disk::ExistingContent existing = disk::ExistingContent::Refuse;  // new machines only
  std::optional<install::AgentBundle> bundle;                      // needed when the work installs an agent
  std::optional<image::SystemBundle> system{};                     // new machines only; none: settings and agent alone
  std::string controller_url;  // these three may be empty where the machine is told later
  std::string authority_pem;
  std::string controller_key_pem;
};

enum class RunOutcome { NoChanges, Changed, Planned };

struct RunReport {
  RunOutcome outcome = RunOutcome::NoChanges;
  disk::DiskPlan plan;
  std::vector<std::string> steps;     // what was done by this call; for a plan, what would be
  std::vector<std::string> deletions;  // for a plan: what is on the disk and will be gone
  std::vector<std::string> findings;   // of a verification: empty when all is as planned
  MachineId machine;                  // empty without agent
  std::string voucher_path;           // empty without agent
  std::string receipt_path;
  std::string escrow_path;  // empty when nothing is leased
};

}  // namespace provision::run
