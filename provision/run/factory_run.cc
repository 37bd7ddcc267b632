#include "provision/run/factory_run.h"

#include <fmt/format.h>

#include <set>

#include "provision/install/boot_files.h"
#include "provision/run/build_run.h"
#include "provision/run/quarantine.h"
#include "provision/run/system_part.h"

namespace provision::run {
namespace {

using disk::DiskFacts;
using disk::ExistingContent;
using disk::Role;

constexpr const char* boot_step = "boot files";

// A disk whose image file is yet to be made.
DiskFacts facts_of_new_image(const std::string& path, Bytes size) {
  DiskFacts facts;
  facts.path = path;
  facts.size = size;
  facts.sector_size_known = false;
  facts.blank = true;
  return facts;
}

Done check_kind(const order::Work& work) {
  if (work.kind == policies::terms::OrderKind::NewMachine) return {};
  return Error{ErrorCode::Refused,
               fmt::format("order {} is a retrofit of a used disk: use `disk retrofit`", work.order.text),
               {}};
}

struct DiskThere {
  DiskFacts facts;
  bool missing = false;  // an image file that is yet to be made
};

Result<DiskThere> look_at(const BuildRequest& request, disk::Disks& disks) {
  auto facts = disks.read(request.disk_path);
  // A power cut may leave the name of a new image, and nothing of its length.
  const bool named_only = facts && facts->size.count == 0 && request.image == ImageChoice::MakeWhenMissing;
  if (!facts && (facts.error().code != ErrorCode::NotFound || request.image != ImageChoice::MakeWhenMissing))
    return facts.error().within("reading " + request.disk_path);
  const bool missing = !facts || named_only;
  DiskThere there{missing ? facts_of_new_image(request.disk_path, order::disk_size(request.work)) : std::move(*facts), missing};
  const std::uint32_t wanted = request.image_sector_size;
  if (wanted != 0 && !there.facts.sector_size_known) there.facts.sector_size = wanted;
  if (wanted != 0 && there.facts.sector_size != wanted)
    return Error{ErrorCode::Refused,
                 fmt::format("{} has sectors of {} B, not of {} B as asked; take another disk, or leave the sector size to it", request.disk_path,
                             there.facts.sector_size, wanted),
                 {}};
  return there;
}

class FactoryRun : public BuildRun {
 public:
  using BuildRun::BuildRun;

  Result<RunReport> apply() {
    if (Done ready = check_ingredients(); !ready) return ready.error();
    if (Done decided = decide(); !decided) return decided.error();
    if (Done safe = check_writing(); !safe) return safe.error();
    if (Done free = check_quarantine(); !free) return free.error();
    if (nothing_left()) {
      if (Done forgotten = forget_leftovers(); !forgotten) return forgotten.error();
      return report(RunOutcome::NoChanges);
    }
    if (Done kept = keep("apply"); !kept) return kept.error();
    Recorder recorder(*journal_, ports_);
    if (Done kept = keep_disk_facts(recorder, system_->facts()); !kept) return kept.error();
    // From here on this disk may be overwritten by whoever goes on with this run.
    if (!finished_) plan_.existing = ExistingContent::Erase;
    for (const auto act : {&FactoryRun::make_image, &FactoryRun::lay_out_new, &FactoryRun::boot, &FactoryRun::install,
                           &FactoryRun::read_back, &FactoryRun::finish})
      if (Done done = (this->*act)(recorder); !done) return put_aside(done.error(), recorder);
    RunReport done = report(RunOutcome::Changed);
    done.steps = recorder.done();
    return done;
  }

  Result<RunReport> rehearse() {
    if (Done ready = check_ingredients(); !ready) return ready.error();
    if (Done decided = decide(); !decided) return decided.error();
    if (Done safe = check_writing(); !safe) return safe.error();
    if (Done free = check_quarantine(); !free) return free.error();
    RunReport planned = report(nothing_left() ? RunOutcome::NoChanges : RunOutcome::Planned);
    planned.deletions = disk::deletions(plan_, facts_);
    if (image_missing_)
      planned.steps.push_back(fmt::format("make the image file {} of {}", request_.disk_path, facts_.size.text()));
    for (const disk::Step& step : steps_) planned.steps.push_back(step.text);
    if (must_fill()) planned.steps.push_back("put the operating system " + system_->title() + " into the system partition");
    if (!files_left_.empty())
      planned.steps.push_back(fmt::format("install {} files and folders, then the bundle's", files_left_.size()));
    return planned;
  }

  Result<RunReport> verify() {
    if (Done decided = decide(); !decided) return decided.error();
    RunReport verified = report(RunOutcome::NoChanges);
    auto findings = find_faults();
    if (!findings) return findings.error();
    verified.findings = std::move(*findings);
    if (const auto quarantine = journal_ ? quarantine_of(journal_->entries()) : std::nullopt)
      verified.findings.push_back("the disk is in quarantine: " + quarantine->reason);
    if (!finished_)
      verified.findings.push_back(fmt::format("the run of order {} was not finished: apply it again", order_text()));
    return verified;
  }

 private:
  [[nodiscard]] bool nothing_left() const { return finished_ && steps_.empty() && files_left_.empty(); }

  // Reads, plans and compares; writes nothing.
  Done decide() {
    for (const auto act : {&FactoryRun::read_disk, &FactoryRun::read_station, &FactoryRun::settle_system, &FactoryRun::settle_plan,
                           &FactoryRun::settle_installation, &FactoryRun::compare})
      if (Done done = (this->*act)(); !done) return done;
    return {};
  }

  Done read_disk() {
    if (Done kind = check_kind(request_.work); !kind) return kind;
    auto there = look_at(request_, ports_.disks);
    if (!there) return there.error();
    facts_ = std::move(there->facts);
    image_missing_ = there->missing;
    return {};
  }

  Done read_station() {
    if (Done read = read_journal(); !read) return read;
    auto tree = system_tree();
    if (!tree) return tree.error();
    std::optional<install::FoundIdentity> found;
    if (with_agent() && *tree != nullptr) {
      auto there = install::identity_in(**tree);
      // Half an identity is what a cut installation leaves; the run's folder has the whole one.
      if (!there && there.error().code != ErrorCode::Corrupt) return there.error();
      if (there) found = std::move(*there);
    }
    return settle_identity(found);
  }

  Done settle_system() {
    auto system = SystemPart::settle(request_.system, journal_, finished_, ports_, folder_);
    if (!system) return system.error();
    system_ = std::move(*system);
    return {};
  }

  // Whether the archive of an operating system is yet to be put into its filesystem.
  [[nodiscard]] bool must_fill() const {
    return system_->is_archive() && !finished_ && !(journal_ && journal_->has(EntryKind::Outcome, install_step));
  }

  // The files of the system partition as they are now; nullptr when there are none that can be read.
  Result<std::unique_ptr<disk::FileTree>> system_tree() {
    for (const disk::PartitionFacts& partition : facts_.partitions) {
      const disk::FilesystemFacts& filesystem = partition.filesystem;
      if (partition.name == disk::name_of(Role::System) && filesystem.kind == disk::FilesystemKind::Ext4 &&
          filesystem.clean)
        return ports_.disks.open_tree(request_.disk_path, partition.extent, disk::TreeAccess::ReadOnly);
    }
    return std::unique_ptr<disk::FileTree>();
  }

  Done settle_plan() {
    disk::LeaseSeal seal;
    if (identity_) seal = identity_->seal(request_.work);
    auto request = order::disk_request(request_.work, facts_, std::move(seal));
    if (!request) return request.error();
    request->existing = request_.existing;
    request->system_source = system_->source();
    auto plan = disk::plan_new_disk(*request, facts_);
    if (!plan) return plan.error();
    plan_ = std::move(*plan);
    if (Done same = check_same_run(); !same) return same;
    return vouch();
  }

  // A run that goes on after a cut may overwrite what it found at its beginning, and nothing else.
  Done check_same_run() {
    const Entry* began = disk_facts();
    if (began == nullptr) return {};
    if (began->facts.at("plan") != plan_digest(plan_).text)
      return Error{ErrorCode::Conflict,
                   fmt::format("order {} or its rules changed since its run began; restore them, or use a new order",
                               order_text()),
                   {}};
    const bool ours = facts_.disk_uuid == plan_.disk_uuid;
    const bool untouched = !finished_ && (facts_.blank || (facts_.table == disk::TableKind::Gpt &&
                                                           table_digest(facts_) == began->facts.at("table_before")));
    const bool table_cut = Recorder(*journal_, ports_).was_cut(disk::name_of(disk::StepKind::WriteTable));
    if (!ours && !untouched && !table_cut)
      return Error{ErrorCode::Refused,
                   fmt::format("{} is not the disk on which the run of order {} began ({}); nothing was written",
                               request_.disk_path, order_text(), began->facts.at("disk")),
                   {}};
    if (!finished_) plan_.existing = ExistingContent::Erase;
    return {};
  }

  Done settle_installation() {
    if (Done taken = take_bundle(); !taken) return taken;
    return settle_nodes();
  }

  // Asked once more when the operating system is on the disk: what its programs read is known for sure only then.
  Done settle_nodes() {
    auto tree = system_tree();
    if (!tree) return tree.error();
    const auto is_planned = [&](const disk::PartitionFacts& partition) {
      return partition.filesystem.uuid == plan_.partition(Role::System)->filesystem_uuid;
    };
    const bool there = std::any_of(facts_.partitions.begin(), facts_.partitions.end(), is_planned);
    if (Done looked = system_->look(plan_, request_.work.presets, there ? tree->get() : nullptr); !looked) return looked;
    const std::string seed = order::seed_of(request_.work);
    install::WantedNodes nodes = system_->nodes({seed, request_.work.presets, {}, wanted_.mtime}, plan_);
    if (with_agent()) nodes.all(agent_nodes({}));
    wanted_.nodes = nodes.nodes();
    boot_ = system_->boot_files(install::machine_id_of(seed), plan_);
    return {};
  }

  // What is left to do: steps on the disk, and files on it when its filesystems are there already.
  Done compare() {
    auto steps = disk::difference(plan_, facts_);
    if (!steps) return steps.error();
    steps_ = std::move(*steps);
    auto tree = system_tree();
    if (!tree) return tree.error();
    if (!steps_.empty() || *tree == nullptr) {
      for (const install::WantedNode& node : wanted_.nodes) files_left_.push_back(node.path);
      return {};
    }
    auto boot = esp().differences(request_.disk_path, plan_.partition(Role::Esp)->extent, boot_);
    if (!boot) return boot.error();
    files_left_ = std::move(*boot);
    const auto differing = install::differences(**tree, wanted_);
    if (!differing) return differing.error();
    files_left_.insert(files_left_.end(), differing->begin(), differing->end());
    return {};
  }

  Done check_writing() {
    if (!image_missing_)
      if (Done safe = check_safety(); !safe) return safe;
    if (finished_ && !steps_.empty())
      return Error{ErrorCode::Refused,
                   fmt::format("order {} was finished, and its disk was changed since ({} would be needed): a finished "
                               "disk is not laid out "
                               "again; use a new order",
                               order_text(), steps_.front().text),
                   {}};
    return {};
  }

  Done make_image(Recorder& recorder) {
    if (!image_missing_) return {};
    return recorder.step("make-image",
                         fmt::format("make the image file {} of {}", request_.disk_path, facts_.size.text()),
                         [&] { return ports_.disks.make_image(request_.disk_path, facts_.size); });
  }

  Done lay_out_new(Recorder& recorder) {
    const auto image = system_->image();
    if (!image) return image.error();
    if (Done done = lay_out(recorder, *image); !done) return done;
    return system_->is_image() ? settle_nodes() : Done();
  }

  install::EspFiles esp() { return {ports_.processes, ports_.files, folder_}; }

  // A filesystem of ours that was being filled when the run was cut is made again: a half-written one is nobody's.
  Done format_again(disk::StepKind kind, Role role, Recorder& recorder) {
    const disk::PlannedPartition& partition = *plan_.partition(role);
    const disk::Step step{
        kind,
        partition.number,
        partition.extent,
        {},
        fmt::format("make partition {} ({}) again: its filling was cut", partition.number, partition.name)};
    if (Done begun = recorder.begins(step); !begun) return begun;
    const auto image = system_->image();
    if (!image) return image.error();
    if (Done done = disk::do_step(step, plan_, nullptr, ports_.disks, *image); !done)
      return recorder.failed(name_of(step), done.error().within(step.text));
    return recorder.ended(step);
  }

  Done boot(Recorder& recorder) {
    const disk::Extent extent = plan_.partition(Role::Esp)->extent;
    if (recorder.was_cut(boot_step)) {
      if (Done again = format_again(disk::StepKind::FormatEsp, Role::Esp, recorder); !again) return again;
    } else {
      const auto differing = esp().differences(request_.disk_path, extent, boot_);
      if (!differing) return differing.error();
      if (differing->empty()) return {};
    }
    return recorder.step(boot_step, "write the boot partition", [&]() -> Done {
      if (Done prepared = system_->prepare_boot(); !prepared) return prepared;
      if (Done written = esp().write(request_.disk_path, extent, boot_); !written) return written;
      return system_->forget_boot();
    });
  }

  // As new: an ext4 is made, an image is written where it differs and grown.
  Done make_system_again(Recorder& recorder) {
    if (!system_->is_image()) return format_again(disk::StepKind::FormatExt4, Role::System, recorder);
    if (Done again = format_again(disk::StepKind::WriteImage, Role::System, recorder); !again) return again;
    return lay_out_new(recorder);
  }

  Done install(Recorder& recorder) {
    const disk::Extent extent = plan_.partition(Role::System)->extent;
    if (recorder.was_cut(install_step)) {
      // Once finished, the machine may have written there: then what was cut is mended, not made again.
      Done ready = finished_ ? ports_.disks.check_ext4(request_.disk_path, extent, disk::Repair::Mend) : make_system_again(recorder);
      if (!ready) return ready;
    } else if (!must_fill()) {
      auto tree = ports_.disks.open_tree(request_.disk_path, extent, disk::TreeAccess::ReadOnly);
      if (!tree) return tree.error();
      const auto differing = install::differences(**tree, wanted_);
      if (!differing) return differing.error();
      if (differing->empty()) return {};
    }
    return put_installation(extent, recorder, must_fill() ? &*system_ : nullptr);
  }

  // Of the operating system's own files; after the machine has run, they are its own.
  Done add_system_faults(std::vector<std::string>& findings) {
    if (!system_->is_archive() || finished_) return {};
    auto tree = ports_.disks.open_tree(request_.disk_path, plan_.partition(Role::System)->extent, disk::TreeAccess::ReadOnly);
    if (!tree) return tree.error();
    std::set<std::string> replaced;
    for (const install::WantedNode& node : wanted_.nodes) replaced.insert(node.path);
    if (wanted_.manifest)
      for (const images::bundle::Entry& entry : wanted_.manifest->entries) replaced.insert(entry.path);
    const auto differing = system_->differences(**tree, replaced);
    if (!differing) return differing.error();
    for (const std::string& path : *differing) findings.push_back(path + " is not as it is in the operating system's bundle");
    return {};
  }

  Result<std::vector<std::string>> find_faults() {
    disk::LeaseKeys keys;
    if (identity_) keys = identity_->lease_keys();
    auto findings = disk::verify(plan_, with_lease() ? &keys : nullptr, ports_.disks);
    if (!findings || !findings->empty()) return findings;
    const auto boot = esp().differences(request_.disk_path, plan_.partition(Role::Esp)->extent, boot_);
    if (!boot) return boot.error();
    for (const std::string& path : *boot)
      findings->push_back(path + " on the boot partition is not as it was to be written");
    const auto files = installation_faults(plan_.partition(Role::System)->extent);
    if (!files) return files.error();
    findings->insert(findings->end(), files->begin(), files->end());
    if (Done added = add_system_faults(*findings); !added) return added.error();
    return findings;
  }

  Done read_back(Recorder& recorder) {
    return recorder.step("verify", "read everything back", [&]() -> Done {
      const auto findings = find_faults();
      if (!findings) return findings.error();
      if (findings->empty()) return {};
      return Error{ErrorCode::Corrupt,
                   fmt::format("the disk is not as planned, and is not vouched for: {}", fmt::join(*findings, "; ")),
                   {}};
    });
  }

  Done finish(Recorder& recorder) {
    agent::contract::Receipt receipt;
    receipt.kind = agent::contract::ReceiptKind::Provisioned;
    return conclude(std::move(receipt), recorder);
  }

  bool image_missing_ = false;
  std::optional<SystemPart> system_;
  std::vector<install::BootFile> boot_;
  std::vector<std::string> files_left_;
};

// The slots that a lease partition of this order has on the disk, or what stands for keys that are not made yet.
disk::LeaseSeal seal_for_plan(const order::Work& work, const DiskFacts& facts) {
  disk::LeaseSeal seal;
  seal.token_facts = order::token_facts(work);
  const disk::PartitionFacts* lease = facts.lease();
  if (lease != nullptr && lease->luks && lease->luks->token && lease->luks->token->facts == seal.token_facts) {
    seal.slots = lease->luks->token->slots;
    return seal;
  }
  for (const char* purpose : {"controller", "recovery"})
    seal.slots.push_back({static_cast<std::uint32_t>(seal.slots.size()), purpose, Digest(std::string(64, '0'))});
  return seal;
}

}  // namespace

Result<RunReport> apply_order(const BuildRequest& request, Station& station, RunPorts& ports) {
  return FactoryRun(request, station, ports).apply();
}

Result<RunReport> rehearse_order(const BuildRequest& request, Station& station, RunPorts& ports) {
  return FactoryRun(request, station, ports).rehearse();
}

Result<RunReport> verify_order(const BuildRequest& request, Station& station, RunPorts& ports) {
  return FactoryRun(request, station, ports).verify();
}

Result<RunReport> plan_order(const BuildRequest& request, RunPorts& ports) {
  if (Done kind = check_kind(request.work); !kind) return kind.error();
  const auto there = look_at(request, ports.disks);
  if (!there) return there.error();
  auto wanted = order::disk_request(request.work, there->facts, seal_for_plan(request.work, there->facts));
  if (!wanted) return wanted.error();
  wanted->existing = request.existing;
  auto system = SystemPart::settle(request.system, {}, false, ports, {});
  if (!system) return system.error();
  wanted->system_source = system->source();
  auto plan = disk::plan_new_disk(*wanted, there->facts);
  if (!plan) return plan.error();
  if (Done looked = system->look(*plan, request.work.presets, nullptr); !looked) return looked.error();
  const auto steps = disk::difference(*plan, there->facts);
  if (!steps) return steps.error();
  RunReport report;
  report.plan = std::move(*plan);
  report.outcome = steps->empty() ? RunOutcome::NoChanges : RunOutcome::Planned;
  report.deletions = disk::deletions(report.plan, there->facts);
  if (there->missing)
    report.steps.push_back(fmt::format("make the image file {} of {}", request.disk_path, there->facts.size.text()));
  for (const disk::Step& step : *steps) report.steps.push_back(step.text);
  return report;
}

}  // namespace provision::run
