#include "provision/run/retrofit_run.h"

#include <fmt/format.h>

#include "provision/install/installed_paths.h"
#include "provision/run/build_run.h"
#include "provision/run/owner_files.h"
#include "provision/run/partition_names.h"

namespace provision::run {
namespace {

using disk::FilesystemKind;
using disk::Repair;
using disk::TreeAccess;

class RetrofitRun : public BuildRun {
 public:
  using BuildRun::BuildRun;

  Result<RunReport> retrofit() {
    if (Done decided = decide(); !decided) return decided.error();
    if (nothing_left()) {
      if (Done forgotten = forget_leftovers(); !forgotten) return forgotten.error();
      return report(RunOutcome::NoChanges);
    }
    if (Done free = check_quarantine(); !free) return free.error();
    if (Done kept = keep("retrofit"); !kept) return kept.error();
    Recorder recorder(*journal_, ports_);
    const auto acts =
        with_agent()
            ? std::vector<Done (RetrofitRun::*)(Recorder&)>{&RetrofitRun::save_table, &RetrofitRun::mend,
                                                            &RetrofitRun::remember,   &RetrofitRun::lay_out_lease,
                                                            &RetrofitRun::install,    &RetrofitRun::read_back,
                                                            &RetrofitRun::finish}
            : std::vector<Done (RetrofitRun::*)(Recorder&)>{&RetrofitRun::save_table, &RetrofitRun::remember_declined,
                                                            &RetrofitRun::finish};
    for (const auto act : acts)
      if (Done done = (this->*act)(recorder); !done) return put_aside(done.error(), recorder);
    RunReport done = report(RunOutcome::Changed);
    done.steps = recorder.done();
    return done;
  }

  Result<RunReport> rehearse() {
    if (Done decided = decide(); !decided) return decided.error();
    RunReport planned = report(nothing_left() ? RunOutcome::NoChanges : RunOutcome::Planned);
    for (const disk::Step& step : steps_) planned.steps.push_back(step.text);
    if (with_agent() && !finished_) planned.steps.push_back(fmt::format("install the agent on partition {}", target_));
    return planned;
  }

 private:
  [[nodiscard]] bool nothing_left() const { return finished_ && steps_.empty() && files_left_.empty(); }

  Done decide() {
    if (Done ready = check_ingredients(); !ready) return ready;
    for (const auto act : {&RetrofitRun::read_disk, &RetrofitRun::settle_plan, &RetrofitRun::compare})
      if (Done done = (this->*act)(); !done) return done;
    return {};
  }

  Done read_disk() {
    if (request_.work.kind != policies::terms::OrderKind::Retrofit)
      return Error{
          ErrorCode::Refused, fmt::format("order {} is for a new machine: use `disk apply`", order_text()), {}};
    auto facts = ports_.disks.read(request_.disk_path);
    if (!facts) return facts.error().within("reading " + request_.disk_path);
    facts_ = std::move(*facts);
    if (Done safe = check_safety(); !safe) return safe;
    if (Done read = read_journal(); !read) return read;
    if (!with_agent()) return {};
    const bool goes_on = journal_ && !finished_;
    auto there = find_installation(goes_on ? checked_only(facts_) : facts_, ports_.disks, request_.disk_path);
    if (!there) return there.error();
    if (*there && !journal_)
      return Error{ErrorCode::Conflict,
                   fmt::format("partition {} of {} bears an agent already, installed by another run; release it first",
                               (*there)->partition, request_.disk_path),
                   {}};
    return settle_identity(*there ? (*there)->identity : std::nullopt);
  }

  // A system of the owner's that we know by its os-release; else the last partition, whose neighbour the lease becomes.
  Result<std::uint32_t> choose_target() {
    std::uint32_t last = 0;
    for (const disk::PartitionFacts& partition : facts_.partitions) {
      if (partition.filesystem.kind != FilesystemKind::Ext4) continue;
      last = partition.number;
      auto tree = ports_.disks.open_tree(request_.disk_path, partition.extent, TreeAccess::ReadOnly);
      if (!tree) return tree.error();
      for (const char* path : {"/etc/os-release", "/usr/lib/os-release"})
        if ((*tree)->look(path)) return partition.number;
    }
    if (last == 0)
      return Error{ErrorCode::Unsupported,
                   fmt::format("{} has no ext4 partition on which the agent could be installed", request_.disk_path),
                   {}};
    return last;
  }

  // Whether a last partition with NTFS can be made smaller is for ntfsresize to say.
  void examine_ntfs(disk::RetrofitRequest& wanted) {
    if (facts_.partitions.empty() || facts_.partitions.back().filesystem.kind != FilesystemKind::Ntfs) return;
    const auto least = ports_.disks.least_ntfs(request_.disk_path, facts_.partitions.back().extent);
    if (least)
      wanted.ntfs_least = *least;
    else
      wanted.ntfs_refusal = least.error().message;
  }

  Done settle_plan() {
    if (!with_agent()) return settle_declined();
    auto wanted = order::retrofit_request(request_.work, facts_, identity_->seal(request_.work));
    if (!wanted) return wanted.error();
    if (Done named = check_partition_names(facts_, ports_.disks, request_.disk_path); !named) return named;
    examine_ntfs(*wanted);
    auto plan = disk::plan_retrofit(*wanted, facts_);
    if (!plan) return plan.error();
    plan_ = std::move(*plan);
    if (const Entry* began = disk_facts()) {
      if (began->facts.at("plan") != plan_digest(plan_).text)
        return Error{
            ErrorCode::Conflict,
            fmt::format(
                "{} is not the disk on which the retrofit of order {} began, or the order or its rules changed since",
                request_.disk_path, order_text()),
            {}};
      target_ = static_cast<std::uint32_t>(std::stoul(began->facts.at("installed_on")));
    } else {
      const auto target = choose_target();
      if (!target) return target.error();
      target_ = *target;
    }
    if (facts_.partition(target_) == nullptr)
      return Error{
          ErrorCode::Conflict, fmt::format("{} has no partition {} any more", request_.disk_path, target_), {}};
    if (Done vouched = vouch(); !vouched) return vouched;
    // A header that was torn while it was written is nobody's: this run made the partition, and was cut before it could be used.
    const disk::PlannedPartition* lease = plan_.partition(disk::Role::Lease);
    if (journal_ && !finished_ && lease != nullptr &&
        Recorder(*journal_, ports_).was_cut(fmt::format("{} {}", disk::name_of(disk::StepKind::FormatLuks), lease->number)))
      plan_.existing = disk::ExistingContent::Erase;
    return take_bundle();
  }

  // Nothing leased: the plan is the disk as it is.
  Done settle_declined() {
    plan_.path = facts_.path;
    plan_.disk_size = facts_.size;
    plan_.sector_size = facts_.sector_size;
    plan_.serial = facts_.serial;
    plan_.disk_uuid = facts_.disk_uuid;
    return {};
  }

  Done compare() {
    if (!with_agent()) return {};
    auto steps = disk::difference(plan_, facts_);
    if (!steps) return steps.error();
    steps_ = std::move(*steps);
    if (!finished_) return {};
    if (Done settled = settle_nodes(); !settled) return settled;
    auto tree = ports_.disks.open_tree(request_.disk_path, facts_.partition(target_)->extent, TreeAccess::ReadOnly);
    if (!tree) return tree.error();
    auto differing = install::differences(**tree, wanted_);
    if (!differing) return differing.error();
    files_left_ = std::move(*differing);
    return {};
  }

  [[nodiscard]] std::string marker_path() const { return folder_ + "/installed.json"; }

  // Precondition: the marker was kept.
  Done settle_nodes() {
    const auto text = station_.files().read(marker_path(), mebibytes(1));
    if (!text) return text.error();
    auto marker = install::marker_from(*text);
    if (!marker) return marker.error();
    made_folders_ = marker->made_folders;
    wanted_.nodes = agent_nodes(marker->made_folders).nodes();
    return {};
  }

  Done save_table(Recorder& recorder) {
    const std::string path = folder_ + "/table.before";
    const auto there = station_.files().exists(path);
    if (!there) return there.error();
    if (*there) return {};
    return recorder.step("save-table", "save the partition table at the station", [&]() -> Done {
      const auto table = ports_.disks.save_table(request_.disk_path);
      if (!table) return table.error();
      return station_.files().replace(path, *table, images::files::Access::OwnerOnly);
    });
  }

  [[nodiscard]] std::vector<std::uint32_t> owner_partitions() const {
    std::vector<std::uint32_t> numbers;
    for (const disk::PartitionFacts& partition : facts_.partitions)
      if (partition.filesystem.kind == FilesystemKind::Ext4) numbers.push_back(partition.number);
    return numbers;
  }

  Done mend(Recorder& recorder) {
    for (const std::uint32_t number : owner_partitions()) {
      const disk::PartitionFacts* partition = facts_.partition(number);
      const bool touched = number == target_ || recorder.was_cut(fmt::format("shrink-filesystem {}", number));
      if (partition->filesystem.clean || !touched) continue;
      Done mended =
          recorder.step(fmt::format("mend {}", number),
                        fmt::format("mend the filesystem of partition {} ({})", number, partition->name),
                        [&] { return ports_.disks.check_ext4(request_.disk_path, partition->extent, Repair::Mend); });
      if (!mended) return mended;
    }
    auto facts = ports_.disks.read(request_.disk_path);
    if (!facts) return facts.error();
    facts_ = std::move(*facts);
    return {};
  }

  // What the disk was before the first change: the owner's files, and which folders will be of our making.
  Done remember(Recorder& recorder) {
    if (!journal_->has(EntryKind::Fact, "owner files")) {
      ports_.progress.begins("digest the owner's files");
      auto before = owner_digests(facts_, ports_.disks, request_.disk_path, owner_partitions(), {});
      if (!before) return before.error();
      auto tree = ports_.disks.open_tree(request_.disk_path, facts_.partition(target_)->extent, TreeAccess::ReadOnly);
      if (!tree) return tree.error();
      install::WantedNodes all = agent_nodes({});
      all.all(install::manifest_nodes(*wanted_.manifest, 0));
      auto missing = install::missing_folders(**tree, all.nodes());
      if (!missing) return missing.error();
      std::erase_if(*missing, [](const std::string& path) { return install::is_ours(path); });
      // The folders of the links that enable its units; their names are known before the units are read.
      for (const char* folder : {"/etc", "/etc/systemd", "/etc/systemd/system"})
        if (!(*tree)->look(folder) && std::find(missing->begin(), missing->end(), folder) == missing->end())
          missing->emplace_back(folder);
      for (const char* target : {"multi-user", "sysinit", "default", "graphical", "timers", "sockets", "basic"}) {
        const std::string folder = fmt::format("/etc/systemd/system/{}.target.wants", target);
        if (!(*tree)->look(folder)) missing->push_back(folder);
      }
      std::sort(missing->begin(), missing->end());
      missing->erase(std::unique(missing->begin(), missing->end()), missing->end());
      const std::string marker = install::text_of(install::InstallationMarker{*missing});
      if (Done kept = station_.files().replace(marker_path(), marker, images::files::Access::OwnerOnly); !kept)
        return kept;
      if (Done added = recorder.fact("owner files", std::move(*before)); !added) return added;
    }
    if (Done kept = keep_disk_facts(recorder, {{"installed_on", std::to_string(target_)}}); !kept) return kept;
    return settle_nodes();
  }

  Done remember_declined(Recorder& recorder) { return keep_disk_facts(recorder, {{"installed_on", "0"}}); }

  Done lay_out_lease(Recorder& recorder) { return lay_out(recorder); }

  Done install(Recorder& recorder) {
    const disk::Extent extent = facts_.partition(target_)->extent;
    if (!facts_.partition(target_)->filesystem.clean)
      if (Done mended = ports_.disks.check_ext4(request_.disk_path, extent, Repair::Mend); !mended) return mended;
    auto tree = ports_.disks.open_tree(request_.disk_path, extent, TreeAccess::ReadOnly);
    if (!tree) return tree.error();
    const auto differing = install::differences(**tree, wanted_);
    if (!differing) return differing.error();
    if (differing->empty()) return {};
    tree->reset();
    return put_installation(extent, recorder);
  }

  Done read_back(Recorder& recorder) {
    return recorder.step("verify", "read everything back", [&]() -> Done {
      auto facts = ports_.disks.read(request_.disk_path);
      if (!facts) return facts.error();
      facts_ = std::move(*facts);
      const disk::LeaseKeys keys = identity_->lease_keys();
      auto findings = disk::verify(plan_, &keys, ports_.disks);
      if (!findings) return findings.error();
      const auto files = installation_faults(facts_.partition(target_)->extent);
      if (!files) return files.error();
      findings->insert(findings->end(), files->begin(), files->end());
      const auto after = owner_digests(facts_, ports_.disks, request_.disk_path, owner_partitions(), made_folders_);
      if (!after) return after.error();
      if (*after != journal_->last(EntryKind::Fact, "owner files")->facts)
        findings->emplace_back("the owner's files are not what they were");
      if (findings->empty()) return {};
      return Error{ErrorCode::Corrupt,
                   fmt::format("the disk is not as planned, and is not vouched for: {}", fmt::join(*findings, "; ")),
                   {}};
    });
  }

  Done finish(Recorder& recorder) {
    agent::contract::Receipt receipt;
    receipt.kind = agent::contract::ReceiptKind::Retrofitted;
    if (const Entry* files = journal_->last(EntryKind::Fact, "owner files")) {
      // The partition beside the lease is the one that made room for it.
      const disk::PlannedPartition* customer = plan_.partition(disk::Role::Customer);
      const auto digest = files->facts.find(std::to_string(customer != nullptr ? customer->number : target_));
      if (digest != files->facts.end()) receipt.owner_files_before = receipt.owner_files_after = Digest(digest->second);
    }
    return conclude(std::move(receipt), recorder);
  }

  std::uint32_t target_ = 0;
  std::vector<std::string> made_folders_;
  std::vector<std::string> files_left_;
};

}  // namespace

Result<RunReport> retrofit_order(const BuildRequest& request, Station& station, RunPorts& ports) {
  return RetrofitRun(request, station, ports).retrofit();
}

Result<RunReport> rehearse_retrofit(const BuildRequest& request, Station& station, RunPorts& ports) {
  return RetrofitRun(request, station, ports).rehearse();
}

}  // namespace provision::run
