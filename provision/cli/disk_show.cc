// What is on a disk, for people who find one.
#include <fmt/format.h>

#include <ostream>

#include "policies/command_line/table.h"
#include "policies/vocabulary/json_text.h"
#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/run/identity.h"
#include "provision/run/owner_files.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct DiskShowOptions {
  std::string disk;
  bool json = false;
};

void declare(DiskShowOptions& options, OptionList& list) {
  list.word("DISK", options.disk, "image file, or block device by its path, serial or WWN");
  list.json(options.json);
}

std::string_view table_name(disk::TableKind kind) {
  switch (kind) {
    case disk::TableKind::None:
      return "none";
    case disk::TableKind::Gpt:
      return "gpt";
    case disk::TableKind::Mbr:
      return "mbr";
    case disk::TableKind::Damaged:
      return "damaged";
  }
  return "unknown";
}

struct Found {
  disk::DiskFacts facts;
  std::optional<run::InstalledOn> installation;
  std::optional<agent::contract::Voucher> voucher;  // as the disk claims: nobody has checked whose signature it bears
};

std::string lease_text(const disk::PartitionFacts& partition) {
  if (!partition.luks) return partition.filesystem.name;
  std::string text = fmt::format("LUKS2 {}, {} key slots", partition.luks->cipher, partition.luks->slots.size());
  if (partition.luks->token)
    for (const auto& [name, value] : partition.luks->token->facts)
      if (name == "order" || name == "terms") text += fmt::format(", {} {}", name, value);
  return text;
}

void print_text(const Found& found, Streams& streams) {
  streams.out << fmt::format("{} {}, table {}{}\n", found.facts.path, found.facts.size.text(),
                             table_name(found.facts.table),
                             found.facts.damage.empty() ? "" : ": " + found.facts.damage);
  command_line::Table table({{"number"}, {"name"}, {"size", command_line::Align::Right}, {"attributes"}, {"holds"}});
  for (const disk::PartitionFacts& partition : found.facts.partitions)
    table.row({std::to_string(partition.number), partition.name, partition.extent.size.text(),
               fmt::format("{:016x}", partition.attributes), lease_text(partition)});
  if (!table.empty()) streams.out << table.text(streams.width);
  if (found.installation) streams.out << fmt::format("agent on partition {}\n", found.installation->partition);
  if (found.voucher)
    streams.out << fmt::format("voucher: machine {}, serial {}, order {}, terms {} v{}\n", found.voucher->machine.text,
                               found.voucher->serial, found.voucher->order.text, found.voucher->terms.text,
                               found.voucher->terms_version);
}

void print_json(const Found& found, Streams& streams) {
  JsonText json(JsonLayout::Indented);
  json.object()
      .key("disk")
      .text(found.facts.path)
      .key("disk_bytes")
      .bytes(found.facts.size)
      .key("serial")
      .text(found.facts.serial);
  json.key("table")
      .text(table_name(found.facts.table))
      .key("disk_uuid")
      .text(found.facts.disk_uuid)
      .key("blank")
      .boolean(found.facts.blank);
  json.key("partitions").array();
  for (const disk::PartitionFacts& partition : found.facts.partitions) {
    json.object()
        .key("number")
        .number(partition.number)
        .key("name")
        .text(partition.name)
        .key("type")
        .text(partition.type)
        .key("uuid")
        .text(partition.uuid);
    json.key("attributes")
        .text(fmt::format("{:016x}", partition.attributes))
        .key("start_bytes")
        .bytes(partition.extent.start);
    json.key("size_bytes")
        .bytes(partition.extent.size)
        .key("filesystem")
        .text(partition.filesystem.name)
        .key("label")
        .text(partition.filesystem.label);
    json.key("key_slots").number(partition.luks ? static_cast<std::int64_t>(partition.luks->slots.size()) : 0);
    json.key("lease").boolean(&partition == found.facts.lease()).end();
  }
  json.end().key("agent_partition");
  found.installation ? json.number(found.installation->partition) : json.null();
  json.key("machine");
  found.voucher ? json.id(found.voucher->machine) : json.null();
  json.key("order");
  found.voucher ? json.id(found.voucher->order) : json.null();
  streams.out << json.end().finished() << "\n";
}

Result<ExitCode> run(const DiskShowOptions& options, const Ports& ports, Streams& streams) {
  const auto path = path_of_disk(options.disk, ports.disks);
  if (!path) return path.error();
  auto facts = ports.disks.read(*path);
  if (!facts) return facts.error().within("reading " + *path);
  Found found{std::move(*facts), {}, {}};
  auto installation = run::find_installation(found.facts, ports.disks, *path);
  // What it holds is still worth showing when a file tree on it cannot be read, or not by this user.
  if (installation)
    found.installation = std::move(*installation);
  else
    streams.err << installation.error().text() << "\n";
  if (found.installation && found.installation->identity) {
    auto voucher = run::claimed_voucher(found.installation->identity->voucher);
    if (voucher) found.voucher = std::move(*voucher);
  }
  options.json ? print_json(found, streams) : print_text(found, streams);
  return ExitCode::Done;
}

}  // namespace

command_line::Command disk_show_command(const Ports& ports) {
  return command_line::command<DiskShowOptions>(
      {.noun = "disk",
       .verb = "show",
       .summary = "show what is on a disk",
       .description = "Prints the partitions, what the sealed one says of itself, and whose machine it claims to be. "
                      "Needs no key and writes nothing.",
       .examples = {"leaseback-provision disk show alice.img"},
       .exits = {}},
      declare, [&ports](const DiskShowOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace provision::cli
