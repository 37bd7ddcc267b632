#include "provision/run/build_run.h"

#include <fmt/format.h>

#include "agent/contract/install_paths.h"
#include "provision/run/abandon.h"
#include "provision/run/quarantine.h"

namespace provision::run {

namespace contract = agent::contract;

std::int64_t seconds_of(Instant instant) {
  return std::chrono::duration_cast<std::chrono::seconds>(instant.time_since_epoch()).count();
}

std::string table_digest(const disk::DiskFacts& facts) {
  const std::string table = disk::canonical_text(facts);
  return table.empty() ? std::string() : images::keys::sha256(table).text;
}

Done BuildRun::check_safety() {
  const auto use = ports_.disks.use_of(request_.disk_path);
  if (!use) return use.error();
  return disk::may_write(*use, request_.confirmation);
}

Done BuildRun::check_ingredients() const {
  if (!with_agent() || request_.bundle) return {};
  return Error{
      ErrorCode::InvalidInput,
      fmt::format("order {} installs the agent: name its bundle (--bundle) and the key that signed it (--bundle-key)",
                  order_text()),
      {}};
}

Done BuildRun::read_journal() {
  began_ = ports_.clock.now();
  const std::string path = folder_ + "/journal";
  const auto there = station_.files().exists(path);
  if (!there) return there.error();
  if (!*there) return {};
  auto journal = Journal::read(station_.files(), path);
  if (!journal) return journal.error();
  journal_ = std::move(*journal);
  if (journal_->has(EntryKind::Fact, abandoned_fact))
    return Error{ErrorCode::Refused, fmt::format("the run of order {} is being abandoned; `line abandon {}` finishes that", order_text(), order_text()), {}};
  finished_ = journal_->has(EntryKind::Fact, "finished");
  if (!journal_->entries().empty()) began_ = journal_->entries().front().at;
  return {};
}

Done BuildRun::check_quarantine() {
  if (journal_)
    if (const auto quarantine = quarantine_of(journal_->entries()))
      return Error{ErrorCode::Refused,
                   fmt::format("the disk of order {} is in quarantine since {} ({}); `quarantine clear {} --operator NAME --reason WHY` takes it "
                               "back, `line abandon {}` gives the order to another disk",
                               order_text(), policies::vocabulary::text_of(quarantine->since), quarantine->reason, order_text(), order_text()),
                   {}};
  return check_not_put_aside(request_.disk_path, ports_.disks);
}

Error BuildRun::put_aside(const Error& error, Recorder& recorder) {
  if (!speaks_against_disk(error.code)) return error;
  const bool recorded = !journal_->entries().empty() && journal_->entries().back().kind == EntryKind::Failure;
  Error told = recorded ? error : recorder.failed("run", error);
  const QuarantineMark mark{station_.line(), order_text(), request_.work.serial, error.text(), ports_.clock.now()};
  const Done noted = ports_.disks.write_note(request_.disk_path, text_of(mark));
  told.message += noted ? "; the disk is in quarantine, and bears a note that says so"
                        : "; the disk is in quarantine, by the station's record alone (" + noted.error().message + ")";
  return told;
}

Done BuildRun::settle_identity(const std::optional<install::FoundIdentity>& found) {
  if (!with_agent()) return {};
  if (finished_ && !found)
    return Error{
        ErrorCode::Conflict,
        fmt::format(
            "order {} was finished, but {} holds no device key any more, and a machine never gets a second one; take "
            "the disk of that run, or give the machine a new order",
            order_text(), request_.disk_path),
        {}};
  auto identity = Identity::settle(station_, folder_, request_.work, found);
  if (!identity) return identity.error();
  identity_ = std::move(*identity);
  return {};
}

Done BuildRun::vouch() {
  if (!identity_) return {};
  const auto line_key = station_.line_key();
  if (!line_key) return line_key.error();
  return identity_->vouch(request_.work, plan_, *line_key, ports_.clock.now());
}

Done BuildRun::take_bundle() {
  wanted_.mtime = seconds_of(began_);
  if (!with_agent() || !request_.bundle) return {};
  auto manifest = install::verified_manifest(ports_.files, *request_.bundle);
  if (!manifest) return manifest.error();
  wanted_.manifest = std::move(*manifest);
  wanted_.bundle = request_.bundle;
  return {};
}

install::WantedNodes BuildRun::agent_nodes(std::vector<std::string> made_folders) const {
  install::AgentSettings settings;
  settings.controller_url = request_.controller_url;
  settings.authority_pem = request_.authority_pem;
  settings.controller_key_pem = request_.controller_key_pem;
  settings.terms = request_.work.terms_document;
  settings.voucher = identity_->voucher();
  settings.device_key_pem = identity_->device_key().pem();
  if (with_lease()) settings.lease_partition = plan_.partition(disk::Role::Lease)->uuid;
  for (const disk::PlannedPartition& partition : plan_.partitions)
    if (with_lease() && partition.role != disk::Role::Lease && settings.lasting_partition.empty()) settings.lasting_partition = partition.uuid;
  settings.made_folders = std::move(made_folders);
  settings.indicator_led = request_.work.indicator_led;
  // Kept there by whoever set the firmware of the machine before this run: on the machine it tells release what to put back.
  if (auto record = ports_.files.read(fmt::format("{}/{}", folder_, agent::contract::firmware_record_name), kibibytes(64))) settings.firmware_record = *std::move(record);
  settings.mtime = wanted_.mtime;
  return install::agent_nodes(settings);
}

Done BuildRun::keep(std::string_view what) {
  const auto folder = station_.run_folder(order_text());
  if (!folder) return folder.error();
  auto journal = Journal::open(station_.files(), folder_ + "/journal");
  if (!journal) return journal.error();
  journal_ = std::move(*journal);
  Recorder recorder(*journal_, ports_);
  if (!journal_->has(EntryKind::Fact, "run")) {
    const std::map<std::string, std::string> facts = {{"what", std::string(what)},
                                                      {"order", order_text()},
                                                      {"serial", request_.work.serial},
                                                      {"disk", request_.disk_path}};
    // The time of the first entry becomes the time of all files, so it must be the one that was planned with.
    if (Done added = journal_->add({EntryKind::Fact, "run", facts, began_}); !added) return added;
  }
  if (!identity_) return {};
  if (Done kept = identity_->keep(station_, folder_); !kept) return kept;
  if (Done kept = station_.keep_controller(
          order_text(), {request_.controller_url, request_.authority_pem, request_.controller_key_pem});
      !kept)
    return kept;
  if (journal_->has(EntryKind::Fact, "identity")) return {};
  return recorder.fact("identity", {{"machine", identity_->machine().text}});
}

Done BuildRun::keep_disk_facts(Recorder& recorder, std::map<std::string, std::string> facts) {
  if (disk_facts() != nullptr) return {};
  facts.insert({{"disk", request_.disk_path},
                {"serial", facts_.serial},
                {"plan", plan_digest(plan_).text},
                {"table_before", table_digest(facts_)}});
  return recorder.fact("disk", std::move(facts));
}

Done BuildRun::lay_out(Recorder& recorder, disk::ImageSource* image) {
  disk::LeaseKeys keys;
  if (identity_) keys = identity_->lease_keys();
  const auto done = disk::apply(plan_, with_lease() ? &keys : nullptr, ports_.disks, recorder, image);
  if (!done) return recorder.failed("layout", done.error());
  auto facts = ports_.disks.read(request_.disk_path);
  if (!facts) return facts.error();
  facts_ = std::move(*facts);
  return {};
}

Done BuildRun::put_installation(const disk::Extent& extent, Recorder& recorder, SystemPart* system) {
  std::string text =
      wanted_.manifest ? fmt::format("install settings and {} {}", wanted_.manifest->name, wanted_.manifest->version)
                       : std::string("install settings");
  if (system != nullptr) text = fmt::format("put in the operating system {}, then {}", system->title(), text);
  return recorder.step(install_step, text, [&]() -> Done {
    auto tree = ports_.disks.open_tree(request_.disk_path, extent, disk::TreeAccess::ReadWrite);
    if (!tree) return tree.error();
    if (system != nullptr)
      if (Done filled = system->fill(**tree); !filled) return filled;
    return install::put(**tree, ports_.files, wanted_);
  });
}

Result<std::vector<std::string>> BuildRun::installation_faults(const disk::Extent& extent) {
  std::vector<std::string> findings;
  auto tree = ports_.disks.open_tree(request_.disk_path, extent, disk::TreeAccess::ReadOnly);
  if (!tree) return tree.error();
  const auto files = install::differences(**tree, wanted_);
  if (!files) return files.error();
  for (const std::string& path : *files) findings.push_back(path + " is not as it was to be installed");
  if (!identity_) return findings;
  const auto on_disk = install::identity_in(**tree);
  if (!on_disk) return on_disk.error();
  if (!*on_disk) return findings;  // its paths are among the findings
  const auto key = images::keys::PrivateKey::from_pem((*on_disk)->device_key_pem);
  const auto line_key = station_.line_key();
  if (!line_key) return line_key.error();
  const auto voucher = voucher_facts((*on_disk)->voucher, line_key->public_key());
  if (!voucher) {
    findings.push_back("the voucher on the disk is not this line's: " + voucher.error().text());
    return findings;
  }
  if (!key || voucher->machine.text != key->id().text)
    findings.emplace_back("the voucher speaks of another key than the disk's");
  if (voucher->plan_digest != plan_digest(plan_))
    findings.emplace_back("the voucher speaks of another plan than the disk's");
  return findings;
}

Done BuildRun::conclude(contract::Receipt receipt, Recorder& recorder) {
  const auto line_key = station_.line_key();
  if (!line_key) return line_key.error();
  receipt.serial = request_.work.serial;
  if (identity_) receipt.machine = identity_->machine();
  receipt.order = request_.work.order;
  receipt.table_before = Digest(disk_facts()->facts.at("table_before"));
  receipt.table_after = Digest(table_digest(facts_));
  receipt.steps = steps_done(*journal_);
  receipt.done_at = ports_.clock.now();
  const auto text = signed_receipt(receipt, *line_key);
  if (!text) return text.error().within("signing the receipt");
  if (Done kept = station_.keep_receipt(order_text(), *text); !kept) return kept;
  if (identity_) {
    if (Done kept = station_.keep_voucher(request_.work.order, identity_->voucher()); !kept) return kept;
  }
  if (Done added = recorder.fact("finished", {{"receipt", images::keys::sha256(*text).text}}); !added) return added;
  return Identity::forget_key(station_.files(), folder_);
}

Done BuildRun::forget_leftovers() {
  const auto key = station_.files().exists(folder_ + "/device.key");
  if (!key) return key.error();
  return *key ? Identity::forget_key(station_.files(), folder_) : Done();
}

RunReport BuildRun::report(RunOutcome outcome) const {
  RunReport report;
  report.outcome = outcome;
  report.plan = plan_;
  report.receipt_path = station_.receipt_path(order_text());
  if (identity_) {
    report.machine = identity_->machine();
    report.voucher_path = station_.voucher_path(request_.work.order);
  }
  if (with_lease()) report.escrow_path = station_.escrow_path(request_.work.order);
  return report;
}

}  // namespace provision::run
