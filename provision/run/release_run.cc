#include "provision/run/release_run.h"

#include <fmt/format.h>

#include "images/keys/statement.h"
#include "provision/disk/apply.h"
#include "provision/install/installation.h"
#include "provision/install/installed_paths.h"
#include "provision/install/system_tree.h"
#include "provision/run/identity.h"
#include "provision/run/owner_files.h"
#include "provision/run/recorder.h"

namespace provision::run {
namespace {

namespace contract = agent::contract;
using disk::TreeAccess;

constexpr const char* remove_step = "remove the agent";

class ReleaseRun {
 public:
  ReleaseRun(const ReleaseRequest& request, Station& station, RunPorts& ports)
      : request_(request), station_(station), ports_(ports) {}

  Result<ReleaseReport> release() {
    if (Done ready = look(); !ready) return ready.error();
    if (journal_ && journal_->has(EntryKind::Fact, "finished")) return finished_before();
    const bool begun = journal_ && journal_->has(EntryKind::Fact, "disk");
    const bool clean = !installation_ || request_.state == DiskState::InUse;
    if (!begun && facts_.lease() == nullptr && clean) {
      ReleaseReport report;
      report.nothing_to_do = true;
      return report;
    }
    if (Done allowed = check_authority(); !allowed) return allowed.error();
    if (Done kept = keep(); !kept) return kept.error();
    Recorder recorder(*journal_, ports_);
    for (const auto act : {&ReleaseRun::destroy_keys, &ReleaseRun::mend, &ReleaseRun::digest_before,
                           &ReleaseRun::give_back, &ReleaseRun::remove_ours, &ReleaseRun::read_back})
      if (Done done = (this->*act)(recorder); !done) return done.error();
    return conclude(recorder);
  }

 private:
  Done look() {
    auto facts = ports_.disks.read(request_.disk_path);
    if (!facts) return facts.error().within("reading " + request_.disk_path);
    facts_ = std::move(*facts);
    const auto use = ports_.disks.use_of(request_.disk_path);
    if (!use) return use.error();
    if (request_.state == DiskState::InUse && use->read_only)
      return Error{ErrorCode::Refused, fmt::format("{} is read-only; lift its write protection", use->path), {}};
    if (request_.state == DiskState::AtRest)
      if (Done safe = disk::may_write(*use, request_.confirmation); !safe) return safe;
    auto plan = disk::plan_release(facts_);
    if (!plan) return plan.error();
    plan_ = std::move(*plan);
    run_ = "release-" + facts_.disk_uuid;
    const std::string path = station_.folder() + "/runs/" + run_ + "/journal";
    const auto there = station_.files().exists(path);
    if (!there) return there.error();
    if (*there) {
      auto journal = Journal::read(station_.files(), path);
      if (!journal) return journal.error();
      journal_ = std::move(*journal);
    }
    const bool goes_on = journal_ && journal_->has(EntryKind::Fact, "disk");
    auto found = find_installation(goes_on ? checked_only(facts_) : facts_, ports_.disks, request_.disk_path);
    if (!found) return found.error();
    installation_ = std::move(*found);
    return {};
  }

  // Of this machine, as its voucher says, or as the journal remembers once the voucher is gone.
  Result<contract::Voucher> machine() {
    if (journal_)
      if (const Entry* entry = journal_->last(EntryKind::Fact, "disk"); entry != nullptr) {
        contract::Voucher voucher;
        voucher.machine = MachineId(entry->facts.at("machine"));
        voucher.serial = entry->facts.at("serial");
        voucher.order = OrderId(entry->facts.at("order"));
        return voucher;
      }
    if (!installation_ || !installation_->identity)
      return Error{ErrorCode::NotFound,
                   fmt::format("{} has a lease partition but no voucher, so nobody can say whose machine it is; an "
                               "operator may release it with --operator",
                               request_.disk_path),
                   {}};
    return claimed_voucher(installation_->identity->voucher);
  }

  Done check_authority() {
    const ReleaseAuthority& authority = request_.authority;
    if (authority.order.empty()) {
      if (authority.operator_name.empty() || authority.operator_name.size() > 100)
        return Error{ErrorCode::Refused,
                     "a release needs the controller's order, or the name of the operator who answers for it",
                     {}};
      reason_ = "released by operator " + authority.operator_name + " without the controller's order";
      auto voucher = machine();
      if (!voucher && voucher.error().code != ErrorCode::NotFound) return voucher.error();
      if (voucher) machine_ = std::move(*voucher);
      return {};
    }
    if (!authority.controller_key)
      return Error{ErrorCode::InvalidInput,
                   "a release order is verified by the controller's key: name it (--controller-key)",
                   {}};
    const auto statement = images::keys::parse_statement(authority.order);
    if (!statement) return statement.error().within("reading the release order");
    if (Done good = images::keys::verify_statement(*statement, *authority.controller_key, contract::release_order_type);
        !good)
      return Error{
          ErrorCode::Refused, "the release order is not signed by this controller: " + good.error().text(), {}};
    const auto order = contract::release_order_from(statement->payload);
    if (!order) return order.error().within("reading the release order");
    auto voucher = machine();
    if (!voucher) return voucher.error();
    if (order->machine != voucher->machine)
      return Error{ErrorCode::Refused,
                   fmt::format("the release order is for machine {}, this disk is machine {}'s", order->machine.text,
                               voucher->machine.text),
                   {}};
    if (!order->drained && order->forced_by.empty())
      return Error{ErrorCode::Refused,
                   "the release order says neither that the machine is drained nor who forces it: what others stored there would be "
                   "lost; let the controller drain it, or `leaseback-fleet machine force-release` it",
                   {}};
    machine_ = std::move(*voucher);
    reason_ = "ordered by the controller: " + order->reason;
    if (!order->drained) reason_ += "; forced by " + order->forced_by + " before it was drained";
    return {};
  }

  Done keep() {
    const auto folder = station_.run_folder(run_);
    if (!folder) return folder.error();
    folder_ = *folder;
    auto journal = Journal::open(station_.files(), folder_ + "/journal");
    if (!journal) return journal.error();
    journal_ = std::move(*journal);
    Recorder recorder(*journal_, ports_);
    if (!journal_->has(EntryKind::Fact, "run"))
      if (Done added = recorder.fact(
              "run",
              {{"what", "release"}, {"serial", machine_.serial}, {"disk", request_.disk_path}, {"reason", reason_}});
          !added)
        return added;
    if (journal_->has(EntryKind::Fact, "disk")) return {};
    // What the installation made is known by its marker only until that is removed.
    install::InstallationMarker marker;
    if (installation_ && installation_->identity) marker.made_folders = installation_->identity->made_folders;
    if (Done kept = station_.files().replace(marker_path(), install::text_of(marker), images::files::Access::OwnerOnly);
        !kept)
      return kept;
    const disk::PartitionFacts* lease = facts_.lease();
    return recorder.fact("disk", {{"machine", machine_.machine.text},
                                  {"serial", machine_.serial},
                                  {"order", machine_.order.text},
                                  {"table_before", images::keys::sha256(disk::canonical_text(facts_)).text},
                                  {"lease_bytes", std::to_string(lease == nullptr ? 0 : lease->extent.size.count)},
                                  {"installed_on", std::to_string(installation_ ? installation_->partition : 0)}});
  }

  [[nodiscard]] std::string marker_path() const { return folder_ + "/installed.json"; }

  Done read_again() {
    auto facts = ports_.disks.read(request_.disk_path);
    if (!facts) return facts.error();
    facts_ = std::move(*facts);
    return {};
  }

  [[nodiscard]] std::uint32_t installed_on() const {
    return static_cast<std::uint32_t>(std::stoul(journal_->last(EntryKind::Fact, "disk")->facts.at("installed_on")));
  }
  // The partitions whose files are the owner's: the one that grows, and the one that the agent was installed on.
  [[nodiscard]] std::vector<std::uint32_t> owner_partitions() const {
    std::vector<std::uint32_t> numbers;
    if (const disk::PlannedPartition* neighbour = grown()) numbers.push_back(neighbour->number);
    if (installed_on() != 0 && (numbers.empty() || numbers.front() != installed_on()))
      numbers.push_back(installed_on());
    return numbers;
  }
  [[nodiscard]] const disk::PlannedPartition* grown() const {
    for (const disk::PlannedPartition& partition : plan_.partitions)
      if (partition.filesystem_fills) return &partition;
    return nullptr;
  }

  // Nothing sealed shall be readable from the first moment on, whatever comes of the rest.
  Done destroy_keys(Recorder& recorder) {
    const auto steps = disk::difference(plan_, facts_);
    if (!steps) return steps.error();
    for (const disk::Step& step : *steps) {
      if (step.kind != disk::StepKind::DestroyKeySlots) continue;
      if (Done begun = recorder.begins(step); !begun) return begun;
      if (Done done = disk::do_step(step, plan_, nullptr, ports_.disks); !done)
        return recorder.failed(name_of(step), done.error().within(step.text));
      if (Done ended = recorder.ended(step); !ended) return ended;
    }
    return {};
  }

  // A filesystem that was not unmounted cleanly, or on which an earlier run was cut, is mended before anything is read
  // from it.
  Done mend(Recorder& recorder) {
    for (const std::uint32_t number : owner_partitions()) {
      const disk::PartitionFacts* partition = facts_.partition(number);
      if (partition == nullptr || partition->filesystem.kind != disk::FilesystemKind::Ext4 ||
          partition->filesystem.clean)
        continue;
      Done mended = recorder.step(
          fmt::format("mend {}", number),
          fmt::format("mend the filesystem of partition {} ({})", number, partition->name),
          [&] { return ports_.disks.check_ext4(request_.disk_path, partition->extent, disk::Repair::Mend); });
      if (!mended) return mended;
    }
    return read_again();
  }

  Result<std::map<std::string, std::string>> digests() {
    if (request_.state == DiskState::InUse) return std::map<std::string, std::string>();
    const auto text = station_.files().read(marker_path(), mebibytes(1));
    if (!text) return text.error();
    const auto marker = install::marker_from(*text);
    if (!marker) return marker.error();
    return owner_digests(facts_, ports_.disks, request_.disk_path, owner_partitions(), marker->made_folders);
  }

  Done digest_before(Recorder& recorder) {
    if (journal_->has(EntryKind::Fact, "owner files")) return {};
    ports_.progress.begins("digest the owner's files");
    auto before = digests();
    if (!before) return before.error();
    return recorder.fact("owner files", std::move(*before));
  }

  Done give_back(Recorder& recorder) {
    const auto done = disk::apply(plan_, nullptr, ports_.disks, recorder);
    if (!done) return recorder.failed("layout", done.error());
    return read_again();
  }

  Done remove_ours(Recorder& recorder) {
    const disk::PartitionFacts* partition = facts_.partition(installed_on());
    if (installed_on() == 0 || partition == nullptr || request_.state == DiskState::InUse) return {};
    const auto text = station_.files().read(marker_path(), mebibytes(1));
    if (!text) return text.error();
    const auto marker = install::marker_from(*text);
    if (!marker) return marker.error();
    const disk::Extent extent = partition->extent;
    return recorder.step(remove_step,
                         fmt::format("remove the agent from partition {} ({})", partition->number, partition->name),
                         [&]() -> Done {
                           auto tree = ports_.disks.open_tree(request_.disk_path, extent, TreeAccess::ReadWrite);
                           if (!tree) return tree.error();
                           return install::remove_ours(**tree, marker->made_folders);
                         });
  }

  Done read_back(Recorder& recorder) {
    return recorder.step("verify", "read everything back", [&]() -> Done {
      if (Done read = read_again(); !read) return read;
      const auto faults = find_faults();
      if (!faults) return faults.error();
      if (faults->empty()) return {};
      return Error{ErrorCode::Corrupt,
                   fmt::format("the disk is not as it should be after a release: {}", fmt::join(*faults, "; ")),
                   {}};
    });
  }

  Result<std::vector<std::string>> find_faults() {
    std::vector<std::string> faults;
    if (facts_.lease() != nullptr) faults.emplace_back("there is still a lease partition");
    const auto left = disk::verify(plan_, nullptr, ports_.disks);
    if (!left) return left.error();
    faults.insert(faults.end(), left->begin(), left->end());
    const auto still = find_installation(facts_, ports_.disks, request_.disk_path);
    if (!still) return still.error();
    if (*still && request_.state == DiskState::AtRest)
      faults.push_back(fmt::format("partition {} still holds {}", (*still)->partition, (*still)->paths.front()));
    auto after = digests();
    if (!after) return after.error();
    if (*after != journal_->last(EntryKind::Fact, "owner files")->facts)
      faults.emplace_back("the owner's files are not what they were");
    return faults;
  }

  Result<ReleaseReport> conclude(Recorder& recorder) {
    const auto& before = journal_->last(EntryKind::Fact, "disk")->facts;
    ReleaseReport report;
    contract::Receipt& receipt = report.receipt;
    receipt.kind = contract::ReceiptKind::Released;
    receipt.serial = machine_.serial.empty() ? facts_.disk_uuid : machine_.serial;
    receipt.machine = machine_.machine;
    receipt.order = machine_.order.text.empty() ? OrderId("unknown") : machine_.order;
    receipt.table_before = Digest(before.at("table_before"));
    receipt.table_after = images::keys::sha256(disk::canonical_text(facts_));
    if (const disk::PlannedPartition* neighbour = grown()) {
      receipt.freed = Bytes{std::stoull(before.at("lease_bytes"))};
      const auto& digest =
          journal_->last(EntryKind::Fact, "owner files")->facts.find(std::to_string(neighbour->number));
      if (digest != journal_->last(EntryKind::Fact, "owner files")->facts.end())
        receipt.owner_files_before = receipt.owner_files_after = Digest(digest->second);
    }
    receipt.key_slots_destroyed = before.at("lease_bytes") != "0";
    receipt.steps = steps_done(*journal_);
    receipt.steps.insert(receipt.steps.begin(), journal_->last(EntryKind::Fact, "run")->facts.at("reason"));
    receipt.done_at = ports_.clock.now();
    if (request_.key) {
      auto text = signed_receipt(receipt, *request_.key);
      if (!text) return text.error().within("signing the receipt");
      report.receipt_text = std::move(*text);
    } else {
      report.receipt_text = contract::payload_of(receipt);
    }
    if (Done kept = station_.keep_receipt(run_, report.receipt_text); !kept) return kept.error();
    if (Done added = recorder.fact("finished", {{"receipt", images::keys::sha256(report.receipt_text).text}}); !added)
      return added.error();
    report.steps = recorder.done();
    report.receipt_path = station_.receipt_path(run_);
    return report;
  }

  // Asked again after the end: the same receipt.
  Result<ReleaseReport> finished_before() {
    if (facts_.lease() != nullptr || (installation_ && request_.state == DiskState::AtRest))
      return Error{ErrorCode::Conflict,
                   fmt::format("{} was released before, and bears a lease again; use another --station folder",
                               request_.disk_path),
                   {}};
    auto text = station_.receipt(run_);
    if (!text) return text.error();
    if (!*text)
      return Error{ErrorCode::Corrupt, "the journal says that the release was finished, but its receipt is gone", {}};
    ReleaseReport report;
    report.done_before = true;
    report.receipt_text = std::move(**text);
    report.receipt_path = station_.receipt_path(run_);
    const auto statement = images::keys::parse_statement(report.receipt_text);
    auto receipt = contract::receipt_from(statement ? statement->payload : report.receipt_text);
    if (!receipt) return receipt.error();
    report.receipt = std::move(*receipt);
    return report;
  }

  const ReleaseRequest& request_;
  Station& station_;
  RunPorts& ports_;
  std::string run_;
  std::string folder_;
  disk::DiskFacts facts_;
  disk::DiskPlan plan_;
  std::optional<Journal> journal_;
  std::optional<InstalledOn> installation_;
  contract::Voucher machine_;
  std::string reason_;
};

}  // namespace

Result<ReleaseReport> release_disk(const ReleaseRequest& request, Station& station, RunPorts& ports) {
  return ReleaseRun(request, station, ports).release();
}

}  // namespace provision::run
