#include "provision/run/move_run.h"

#include <fmt/format.h>

#include "provision/disk/apply.h"
#include "provision/run/build_run.h"
#include "provision/run/owner_files.h"
#include "provision/run/recorder.h"
#include "provision/run/retrofit_run.h"

namespace provision::run {
namespace {

using disk::FilesystemKind;

constexpr Bytes piece_size = gibibytes(4);  // what a cut loses of a copy
constexpr Bytes boot_code_size = {440};
constexpr const char* moved_fact = "moved";
constexpr const char* move_fact = "move";

class MoveRun {
 public:
  MoveRun(const MoveOrder& order, Station& station, RunPorts& ports)
      : order_(order), station_(station), ports_(ports), folder_(station.folder() + "/runs/" + order.build.work.order.text) {}

  Result<RunReport> move() {
    if (Done read = read_journal(); !read) return read.error();
    std::vector<std::string> steps;
    if (!moved()) {
      if (Done decided = decide(); !decided) return decided.error();
      if (Done copied = bring_over(); !copied) return copied.error();
      steps = done_;
    }
    auto report = retrofit_order(order_.build, station_, ports_);
    if (!report) return report.error();
    report->steps.insert(report->steps.begin(), steps.begin(), steps.end());
    return report;
  }

  Result<RunReport> rehearse() {
    if (Done read = read_journal(); !read) return read.error();
    if (moved()) return rehearse_retrofit(order_.build, station_, ports_);
    if (Done decided = decide(); !decided) return decided.error();
    RunReport report;
    report.outcome = RunOutcome::Planned;
    report.plan = plan_;
    report.deletions = disk::deletions(plan_, to_);
    for (const disk::PartitionFacts& partition : from_.partitions)
      report.steps.push_back(fmt::format("copy partition {} ({}, {}) from {}", partition.number, partition.name, partition.extent.size.text(), from_.path));
    for (const disk::Step& step : steps_) report.steps.push_back(step.text);
    if (order_.build.work.agent == order::AgentChoice::Installed) report.steps.emplace_back("grow the last filesystem, add the lease and install the agent");
    return report;
  }

 private:
  [[nodiscard]] bool moved() const { return journal_ && journal_->has(EntryKind::Fact, moved_fact); }
  [[nodiscard]] const std::string& to_path() const { return order_.build.disk_path; }

  Done read_journal() {
    if (order_.build.work.kind != policies::terms::OrderKind::Retrofit)
      return Error{ErrorCode::Refused, fmt::format("order {} is for a new machine: use `disk apply`", order_.build.work.order.text), {}};
    const std::string path = folder_ + "/move.journal";
    const auto there = station_.files().exists(path);
    if (!there) return there.error();
    if (!*there) return {};
    auto journal = Journal::read(station_.files(), path);
    if (!journal) return journal.error();
    journal_ = std::move(*journal);
    return {};
  }

  Done decide() {
    for (const auto act : {&MoveRun::read_old, &MoveRun::read_new, &MoveRun::settle_plan})
      if (Done done = (this->*act)(); !done) return done;
    return {};
  }

  Done read_old() {
    auto facts = ports_.disks.read(order_.from_path);
    if (!facts) return facts.error().within("reading " + order_.from_path);
    from_ = std::move(*facts);
    auto use = ports_.disks.use_of(order_.from_path);
    if (!use) return use.error();
    use->read_only = false;  // it is not written to
    use->twins.clear();
    if (Done idle = disk::may_write(*use, {order_.from_path}); !idle) return idle.error().within("a disk is moved while nobody uses it");
    for (const disk::PartitionFacts& partition : from_.partitions)
      if (partition.filesystem.kind == FilesystemKind::Ext4 && !partition.filesystem.clean)
        return Error{ErrorCode::Refused,
                     fmt::format("the filesystem of partition {} of {} is due for a check, and this disk is not written to; let its own machine check it "
                                 "(start it and shut it down), or run e2fsck on it",
                                 partition.number, order_.from_path),
                     {}};
    return {};
  }

  Done read_new() {
    auto facts = ports_.disks.read(to_path());
    missing_ = !facts && facts.error().code == ErrorCode::NotFound && order_.build.image == ImageChoice::MakeWhenMissing;
    if (!facts && !missing_) return facts.error().within("reading " + to_path());
    if (missing_) {
      to_.path = to_path();
      to_.size = order::disk_size(order_.build.work);
      to_.sector_size_known = false;
      to_.blank = true;
      return {};
    }
    to_ = std::move(*facts);
    const auto use = ports_.disks.use_of(to_path());
    if (!use) return use.error();
    return disk::may_write(*use, order_.build.confirmation);
  }

  Done settle_plan() {
    disk::MoveRequest request;
    request.seed = order::seed_of(order_.build.work);
    request.existing = order_.build.existing;
    if (order_.build.work.agent == order::AgentChoice::Installed) {
      const auto lease = order::retrofit_request(order_.build.work, to_, {});
      if (!lease) return lease.error();
      request.lease = lease->lease;
    }
    auto plan = disk::plan_move(request, from_, to_);
    if (!plan) return plan.error();
    plan_ = std::move(*plan);
    if (const Entry* began = journal_ ? journal_->last(EntryKind::Fact, move_fact) : nullptr) {
      if (began->facts.at("plan") != plan_digest(plan_).text)
        return Error{ErrorCode::Conflict,
                     fmt::format("{} and {} are not the disks with which the move for order {} began, or the order changed since", order_.from_path,
                                 to_path(), order_.build.work.order.text),
                     {}};
      plan_.existing = disk::ExistingContent::Erase;
    } else if (!to_.blank && plan_.existing == disk::ExistingContent::Refuse) {
      // Also a copy of the old disk that somebody made: it bears the same names, and may be newer.
      return Error{ErrorCode::Refused, fmt::format("{} is not blank; nothing was written. Take a blank disk, or allow erasing", to_path()), {}};
    }
    auto steps = disk::difference(plan_, to_);
    if (!steps) return steps.error();
    steps_ = std::move(*steps);
    return {};
  }

  Done bring_over() {
    const auto folder = station_.run_folder(order_.build.work.order.text);
    if (!folder) return folder.error();
    auto journal = Journal::open(station_.files(), folder_ + "/move.journal");
    if (!journal) return journal.error();
    journal_ = std::move(*journal);
    Recorder recorder(*journal_, ports_);
    if (!journal_->has(EntryKind::Fact, move_fact))
      if (Done kept = recorder.fact(move_fact, {{"from", order_.from_path}, {"to", to_path()}, {"plan", plan_digest(plan_).text}}); !kept) return kept;
    plan_.existing = disk::ExistingContent::Erase;
    for (const auto act : {&MoveRun::make_image, &MoveRun::copy_all, &MoveRun::lay_out, &MoveRun::compare_files})
      if (Done done = (this->*act)(recorder); !done) return done;
    done_ = recorder.done();
    return recorder.fact(moved_fact, {{"table", table_digest(to_)}});
  }

  Done make_image(Recorder& recorder) {
    if (!missing_) return {};
    return recorder.step("make-image", fmt::format("make the image file {} of {}", to_path(), to_.size.text()),
                         [&] { return ports_.disks.make_image(to_path(), to_.size); });
  }

  // A piece is copied, read back and told to the journal before the next begins.
  Done copy(const disk::Extent& region, const std::string& text, Recorder& recorder) {
    const std::string name = fmt::format("copied {}", region.start.count);
    if (journal_->has(EntryKind::Fact, name)) return {};
    Digest digest;
    Done copied = recorder.step(fmt::format("copy {}", region.start.count), text, [&]() -> Done {
      auto compared = ports_.disks.copy_region(order_.from_path, to_path(), region);
      if (!compared) return compared.error();
      digest = std::move(*compared);
      return {};
    });
    if (!copied) return copied;
    return recorder.fact(name, {{"bytes", std::to_string(region.size.count)}, {"digest", digest.text}});
  }

  Done copy_all(Recorder& recorder) {
    // A boot loader of a GPT disk may begin there and go on in its own partition.
    if (from_.table == disk::TableKind::Gpt)
      if (Done copied = copy({{}, boot_code_size}, "copy the boot code", recorder); !copied) return copied;
    for (const disk::PartitionFacts& partition : from_.partitions)
      for (Bytes at = partition.extent.start; at < partition.extent.end(); at = at + piece_size) {
        const disk::Extent piece = {at, std::min(piece_size, partition.extent.end() - at)};
        if (Done copied = copy(piece, fmt::format("copy partition {} from {} on", partition.number, at.text()), recorder); !copied) return copied;
      }
    return {};
  }

  Done lay_out(Recorder& recorder) {
    const auto done = disk::apply(plan_, nullptr, ports_.disks, recorder);
    if (!done) return recorder.failed("layout", done.error());
    auto facts = ports_.disks.read(to_path());
    if (!facts) return facts.error();
    to_ = std::move(*facts);
    return {};
  }

  Done compare_files(Recorder& recorder) {
    return recorder.step("verify", "compare the owner's files on both disks", [&]() -> Done {
      std::vector<std::uint32_t> numbers;
      for (const disk::PartitionFacts& partition : from_.partitions) numbers.push_back(partition.number);
      const auto before = owner_digests(from_, ports_.disks, order_.from_path, numbers, {});
      if (!before) return before.error();
      const auto after = owner_digests(to_, ports_.disks, to_path(), numbers, {});
      if (!after) return after.error();
      if (*before == *after) return {};
      return Error{ErrorCode::Corrupt, fmt::format("the files on {} are not those of {}; keep the old disk, and take another new one", to_path(), order_.from_path), {}};
    });
  }

  const MoveOrder& order_;
  Station& station_;
  RunPorts& ports_;
  std::string folder_;
  std::optional<Journal> journal_;
  disk::DiskFacts from_;
  disk::DiskFacts to_;
  bool missing_ = false;
  disk::DiskPlan plan_;
  std::vector<disk::Step> steps_;
  std::vector<std::string> done_;
};

}  // namespace

Result<RunReport> move_order(const MoveOrder& order, Station& station, RunPorts& ports) { return MoveRun(order, station, ports).move(); }

Result<RunReport> rehearse_move(const MoveOrder& order, Station& station, RunPorts& ports) { return MoveRun(order, station, ports).rehearse(); }

}  // namespace provision::run
