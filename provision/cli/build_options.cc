#include "provision/cli/build_options.h"

#include <fmt/format.h>

#include <ostream>

#include "images/files/stepped_clock.h"
#include "images/keys/key_files.h"
#include "policies/loading/loading.h"
#include "policies/loading/rule_folder.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/layout_bar.h"
#include "provision/disk/identifiers.h"

namespace provision::cli {
namespace {

constexpr Bytes pem_max = kibibytes(64);
constexpr std::string_view by_partition = "PARTUUID=";

Result<std::string> disk_of_partition(const std::string& uuid, disk::Disks& disks) {
  const auto attached = disks.attached();
  if (!attached) return attached.error();
  for (const disk::AttachedDisk& candidate : *attached) {
    const auto facts = disks.read(candidate.path);
    if (!facts) continue;  // one that cannot be read is not the one
    for (const disk::PartitionFacts& partition : facts->partitions)
      if (partition.uuid == disk::lower_case(uuid)) return candidate.path;
  }
  return Error{ErrorCode::NotFound, fmt::format("no disk of this machine has a partition with the UUID {}", uuid), {}};
}

Result<std::string> read_pem(const std::string& path, const Ports& ports) {
  auto text = ports.files.read(path, pem_max);
  if (!text) return text.error().within("reading " + path);
  return text;
}

void print_json(const run::RunReport& report, const order::Work& work, command_line::Streams& streams) {
  JsonText json(JsonLayout::Indented);
  const char* outcome = report.outcome == run::RunOutcome::NoChanges ? "no-changes"
                        : report.outcome == run::RunOutcome::Changed ? "changed"
                                                                     : "planned";
  json.object().key("order").id(work.order).key("serial").text(work.serial).key("outcome").text(outcome);
  json.key("lease_choice").text(policies::terms::name_of(work.lease_choice)).key("disk").text(report.plan.path);
  json.key("disk_bytes")
      .bytes(report.plan.disk_size)
      .key("disk_uuid")
      .text(report.plan.disk_uuid)
      .key("partitions")
      .array();
  for (const disk::PlannedPartition& partition : report.plan.partitions) {
    json.object()
        .key("number")
        .number(partition.number)
        .key("role")
        .text(disk::name_of(partition.role))
        .key("name")
        .text(partition.name);
    json.key("type")
        .text(partition.type)
        .key("uuid")
        .text(partition.uuid)
        .key("attributes")
        .text(fmt::format("{:016x}", partition.attributes));
    json.key("start_bytes").bytes(partition.extent.start).key("size_bytes").bytes(partition.extent.size).end();
  }
  json.end().key("notes").array();
  for (const std::string& note : report.plan.notes) json.text(note);
  json.end().key("steps").array();
  for (const std::string& step : report.steps) json.text(step);
  json.end().key("deletions").array();
  for (const std::string& deletion : report.deletions) json.text(deletion);
  json.end().key("findings").array();
  for (const std::string& finding : report.findings) json.text(finding);
  json.end();
  const auto or_null = [&](std::string_view key, const std::string& value) {
    json.key(key);
    value.empty() ? json.null() : json.text(value);
  };
  or_null("machine", report.machine.text);
  or_null("voucher", report.voucher_path);
  or_null("receipt", report.receipt_path);
  or_null("escrow", report.escrow_path);
  streams.out << json.end().finished() << "\n";
}

}  // namespace

void declare_order(OrderOptions& options, command_line::OptionList& list) {
  list.word("ORDER", options.order, "the order, a YAML file");
  list.required("disk", "PATH", options.disk, "image file, or block device by its path, serial:SERIAL or wwn:WWN");
  list.optional("rules", "DIR", options.rules, "folder of rules (default: the rules shipped with this program)");
  list.optional("controller", "URL", options.controller, "where the agent calls, https://HOST[:PORT]");
}

Result<order::Work> read_work(const OrderOptions& options, const std::string& controller, const Ports& ports) {
  const auto rules =
      policies::loading::load_rules(options.rules.empty() ? policies::loading::default_rules_folder() : options.rules);
  if (!rules) return rules.error().within("reading the rules");
  auto order = policies::loading::load_order_file(options.order, ports.zones);
  if (!order) return order.error();
  auto work = order::work_for(*rules, std::move(*order), controller);
  if (!work || work->wifi_passphrase_file.empty()) return work;
  const std::string named = work->wifi_passphrase_file;
  const std::string path = named.starts_with('/') ? named : options.order.substr(0, options.order.rfind('/') + 1) + named;
  auto passphrase = ports.files.read(path, kibibytes(1));
  if (!passphrase) return passphrase.error().within("reading the wireless passphrase " + path);
  if (Done set = order::set_wifi_passphrase(*work, std::move(*passphrase)); !set) return set.error().within("reading the wireless passphrase " + path);
  return work;
}

void declare_sector_size(std::string& size, command_line::OptionList& list) {
  list.choice("sector-size", size, {"512", "4096"}, "of an image file without a table, in bytes (default: 512; a device has its own)");
}

std::uint32_t sector_size_of(const std::string& size) { return size.empty() ? 0 : static_cast<std::uint32_t>(std::stoul(size)); }

void declare_ingredients(IngredientOptions& options, command_line::OptionList& list) {
  list.optional("bundle", "FILE", options.bundle, "the agent's bundle, with its signature beside it");
  list.optional("bundle-key", "PEM", options.bundle_key, "public key of whoever signed the bundle");
  list.optional("authority", "PEM", options.authority,
                "certificate of the controller's authority, the only one that the agent will believe");
  list.optional("controller-key", "PEM", options.controller_key,
                "public key of the controller, by which release orders are verified on the machine");
}

std::vector<std::string> words_of(const IngredientOptions& options) {
  std::vector<std::string> words;
  for (const auto& [name, value] : {std::pair{"--bundle", &options.bundle}, std::pair{"--bundle-key", &options.bundle_key},
                                    std::pair{"--authority", &options.authority}, std::pair{"--controller-key", &options.controller_key}})
    if (!value->empty()) words.insert(words.end(), {name, *value});
  return words;
}

Done check_ingredients(const IngredientOptions& options) {
  if (options.bundle.empty() == options.bundle_key.empty()) return {};
  return Error{ErrorCode::InvalidInput,
               "--bundle and --bundle-key go together: a bundle is worth nothing without the key that vouches for it",
               {}};
}

void declare_system(SystemOptions& options, command_line::OptionList& list) {
  list.optional("image", "FILE", options.image, "the operating system's bundle, with its signature beside it");
  list.optional("image-key", "PEM", options.image_key, "public key of whoever signed the operating system");
}

Done add_system(const SystemOptions& options, const Ports& ports, run::BuildRequest& request) {
  if (options.image.empty() != options.image_key.empty())
    return Error{ErrorCode::InvalidInput, "--image and --image-key go together: an operating system is worth nothing without the key that vouches for it", {}};
  if (options.image.empty()) return {};
  auto key = images::keys::read_public_key(ports.files, options.image_key);
  if (!key) return key.error().within("reading " + options.image_key);
  request.system = image::SystemBundle{options.image, {std::move(*key)}};
  return {};
}

Done add_ingredients(const IngredientOptions& options, const Ports& ports, run::BuildRequest& request) {
  if (!options.bundle.empty()) {
    auto key = images::keys::read_public_key(ports.files, options.bundle_key);
    if (!key) return key.error().within("reading " + options.bundle_key);
    request.bundle = install::AgentBundle{options.bundle, {std::move(*key)}};
  }
  for (const auto& [path, field] : {std::pair{&options.authority, &request.authority_pem},
                                    {&options.controller_key, &request.controller_key_pem}}) {
    if (path->empty()) continue;
    auto text = read_pem(*path, ports);
    if (!text) return text.error();
    *field = std::move(*text);
  }
  return {};
}

Result<std::string> path_of_disk(const std::string& name, disk::Disks& disks) {
  if (name.starts_with(by_partition)) return disk_of_partition(name.substr(by_partition.size()), disks);
  if (name.find('/') != std::string::npos) return name;
  const auto attached = disks.attached();
  if (!attached) return attached.error();
  const auto chosen = disk::choose_disk(*attached, name);
  if (chosen) return chosen->path;
  // A plain word that names no disk is the name of an image file.
  const bool must_be_there = name.starts_with(disk::by_serial) || name.starts_with(disk::by_wwn);
  return chosen.error().code == ErrorCode::NotFound && !must_be_there ? Result<std::string>(name) : Result<std::string>(chosen.error());
}

void declare_clock(std::string& file, command_line::OptionList& list) {
  list.optional("clock", "FILE", file, "what time it is, for rehearsals (default: the system's clock)");
}

Result<ChosenClock> clock_from(const std::string& file, const Ports& ports) {
  ChosenClock chosen;
  chosen.clock = &ports.clock;
  if (file.empty()) return chosen;
  auto stepped = images::files::SteppedClock::open(file, ports.clock);
  if (!stepped) return stepped.error().within("reading the clock");
  chosen.stepped = std::move(*stepped);
  chosen.clock = chosen.stepped.get();
  return chosen;
}

void StepLines::begins(std::string_view step) { err_ << "  " << step << "\n" << std::flush; }
void StepLines::notes(std::string_view text) { err_ << text << "\n" << std::flush; }

void print_report(const run::RunReport& report, const order::Work& work, bool json, command_line::Streams& streams) {
  if (json) return print_json(report, work, streams);
  if (report.outcome == run::RunOutcome::Planned) {
    for (const std::string& line : order::explanation(work)) streams.out << line << "\n";
    streams.out << "\n"
                << disk::describe(report.plan) << "\n"
                << layout_bar(report.plan, streams.width == 0 ? 100 : streams.width) << "\n";
    for (const std::string& deletion : report.deletions) streams.out << "deletes " << deletion << "\n";
    for (const std::string& step : report.steps) streams.out << "would " << step << "\n";
    return;
  }
  for (const std::string& finding : report.findings) streams.out << finding << "\n";
  if (!report.findings.empty()) return;
  if (report.outcome == run::RunOutcome::NoChanges) {
    streams.out << "No changes.\n";
    return;
  }
  streams.out << layout_bar(report.plan, streams.width == 0 ? 100 : streams.width);
  if (!report.machine.text.empty())
    streams.out << "machine " << report.machine.text << "\nvoucher " << report.voucher_path << "\n";
  streams.out << "receipt " << report.receipt_path << "\n";
  if (!report.escrow_path.empty()) streams.out << "escrow  " << report.escrow_path << " (secret)\n";
}

}  // namespace provision::cli
