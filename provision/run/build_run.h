// What the runs that build a disk (new machine, retrofit) have in common: the order of events around journal, identity
// and receipt.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/contract/statements.h"
#include "provision/disk/apply.h"
#include "provision/install/installation.h"
#include "provision/install/system_tree.h"
#include "provision/run/build_request.h"
#include "provision/run/identity.h"
#include "provision/run/recorder.h"
#include "provision/run/station.h"
#include "provision/run/system_part.h"

namespace provision::run {

inline constexpr const char* install_step = "install";

// Whole seconds since 1970, as file times are.
std::int64_t seconds_of(Instant instant);

// SHA-256 of the table's canonical text; empty for a disk without a table, as receipts want it.
std::string table_digest(const disk::DiskFacts& facts);

class BuildRun {
 public:
  BuildRun(const BuildRequest& request, Station& station, RunPorts& ports)
      : request_(request),
        station_(station),
        ports_(ports),
        folder_(station.folder() + "/runs/" + request.work.order.text) {}

 protected:
  [[nodiscard]] bool with_agent() const { return request_.work.agent == order::AgentChoice::Installed; }
  [[nodiscard]] bool with_lease() const { return plan_.partition(disk::Role::Lease) != nullptr; }
  [[nodiscard]] const std::string& order_text() const { return request_.work.order.text; }

  Done check_safety();
  Done check_ingredients() const;
  Done read_journal();
  // Refused while this run, or whatever was tried on this disk before, left it in quarantine.
  Done check_quarantine();
  // What a failed act comes to: when it speaks against the disk, the journal and a note on the disk say so, and nothing is built on
  // it until an operator takes it back.
  Error put_aside(const Error& error, Recorder& recorder);
  // The identity that is in the first of these trees which holds one, or in the run's folder, or a new one.
  Done settle_identity(const std::optional<install::FoundIdentity>& found);
  Done vouch();
  // Verifies the bundle, when there is one, and takes its manifest.
  Done take_bundle();
  [[nodiscard]] install::WantedNodes agent_nodes(std::vector<std::string> made_folders) const;

  // The run's folder, journal, identity and first facts; from here on a cut run is gone on with.
  Done keep(std::string_view what);
  // Done once: `facts` are what later runs must know of the disk as it was.
  Done keep_disk_facts(Recorder& recorder, std::map<std::string, std::string> facts);
  [[nodiscard]] const Entry* disk_facts() const { return journal_ ? journal_->last(EntryKind::Fact, "disk") : nullptr; }

  // `image` is asked for the content of an operating system's image, when the plan has one.
  Done lay_out(Recorder& recorder, disk::ImageSource* image = nullptr);
  // `system`: an archive that is to be filled in first; nullptr when there is none.
  Done put_installation(const disk::Extent& extent, Recorder& recorder, SystemPart* system = nullptr);
  // Findings about the files and the voucher in the tree of the installation.
  Result<std::vector<std::string>> installation_faults(const disk::Extent& extent);
  // Signs the receipt, hands out voucher and receipt, marks the run as finished, forgets the machine's key.
  Done conclude(agent::contract::Receipt receipt, Recorder& recorder);
  // What a run that was cut in its very last step left behind.
  Done forget_leftovers();
  [[nodiscard]] RunReport report(RunOutcome outcome) const;

  const BuildRequest& request_;
  Station& station_;
  RunPorts& ports_;
  std::string folder_;
  disk::DiskFacts facts_;
  std::optional<Journal> journal_;
  bool finished_ = false;
  Instant began_;
  std::optional<Identity> identity_;
  disk::DiskPlan plan_;
  install::Installation wanted_;
  std::vector<disk::Step> steps_;
};

}  // namespace provision::run
