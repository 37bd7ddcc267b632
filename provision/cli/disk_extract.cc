// Copies files out of a partition of a disk that is not mounted.
#include <fmt/format.h>

#include <ostream>

#include "policies/vocabulary/json_text.h"
#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;
using images::files::Access;

constexpr Bytes file_max = gibibytes(1);
constexpr std::size_t files_max = 100'000;
constexpr int depth_max = 64;

struct DiskExtractOptions {
  std::string disk;
  std::string from;
  std::string to;
  bool json = false;
};

void declare(DiskExtractOptions& options, OptionList& list) {
  list.word("DISK", options.disk, "image file, or block device by its path, serial or WWN");
  list.required("from", "PARTITION:PATH", options.from,
                "partition by number or name, and the file or folder on it: system:/var/lib/leaseback");
  list.required("to", "DIR", options.to, "folder to copy into; made when it is not there");
  list.json(options.json);
}

Done check(const DiskExtractOptions& options) {
  const std::size_t colon = options.from.find(':');
  if (colon != 0 && colon != std::string::npos && options.from.substr(colon + 1).starts_with('/')) return {};
  return Error{ErrorCode::InvalidInput,
               fmt::format("'{}' is not PARTITION:/PATH, such as system:/var/lib/leaseback", options.from),
               {}};
}

class Copy {
 public:
  Copy(disk::FileTree& tree, images::files::Files& files) : tree_(tree), files_(files) {}

  [[nodiscard]] std::size_t count() const { return count_; }

  // `kind` decides: what is in a folder goes into `to`, a file becomes `to`.
  Done take(const std::string& from, const disk::Node& node, const std::string& to, int depth) {
    if (depth > depth_max || ++count_ > files_max)
      return Error{
          ErrorCode::LimitExceeded,
          fmt::format("'{}' is too deep, or there are more than {} files; extract less at a time", from, files_max),
          {}};
    const bool others_may_read = (node.attributes.mode & 004) != 0;
    const Access access = others_may_read ? Access::Everyone : Access::OwnerOnly;
    if (node.kind == disk::NodeKind::File) {
      const auto bytes = tree_.read_file(from, file_max);
      if (!bytes) return bytes.error();
      return files_.replace(to, *bytes, access);
    }
    // Links would lead into this machine's own files.
    if (node.kind != disk::NodeKind::Directory) return {};
    if (Done made = files_.make_directory(to, access); !made) return made;
    const auto nodes = tree_.list(from);
    if (!nodes) return nodes.error();
    for (const disk::Node& child : *nodes)
      if (Done taken =
              take(from == "/" ? "/" + child.name : from + "/" + child.name, child, to + "/" + child.name, depth + 1);
          !taken)
        return taken;
    return {};
  }

 private:
  disk::FileTree& tree_;
  images::files::Files& files_;
  std::size_t count_ = 0;
};

Result<const disk::PartitionFacts*> partition_named(const disk::DiskFacts& facts, const std::string& name) {
  for (const disk::PartitionFacts& partition : facts.partitions)
    if (partition.name == name || std::to_string(partition.number) == name) return &partition;
  return Error{
      ErrorCode::NotFound, fmt::format("{} has no partition '{}'; `disk show` lists them", facts.path, name), {}};
}

Result<ExitCode> run(const DiskExtractOptions& options, const Ports& ports, Streams& streams) {
  const auto disk_path = path_of_disk(options.disk, ports.disks);
  if (!disk_path) return disk_path.error();
  const auto facts = ports.disks.read(*disk_path);
  if (!facts) return facts.error().within("reading " + *disk_path);
  const std::size_t colon = options.from.find(':');
  const auto partition = partition_named(*facts, options.from.substr(0, colon));
  if (!partition) return partition.error();
  if ((*partition)->filesystem.kind != disk::FilesystemKind::Ext4)
    return Error{ErrorCode::Unsupported,
                 fmt::format("partition {} holds {}, not ext4", (*partition)->number, (*partition)->filesystem.name),
                 {}};
  auto tree = ports.disks.open_tree(*disk_path, (*partition)->extent, disk::TreeAccess::ReadOnly);
  if (!tree) return tree.error();
  const std::string from = options.from.substr(colon + 1);
  const auto node = (*tree)->look(from);
  if (!node) return node.error();
  Copy copy(**tree, ports.files);
  if (Done made = ports.files.make_directory(options.to, Access::OwnerOnly); !made) return made.error();
  const std::string to =
      node->kind == disk::NodeKind::Directory ? options.to : options.to + from.substr(from.rfind('/'));
  if (Done taken = copy.take(from, *node, to, 0); !taken) return taken.error();
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object()
        .key("from")
        .text(options.from)
        .key("to")
        .text(options.to)
        .key("files")
        .number(static_cast<std::int64_t>(copy.count()))
        .end();
    streams.out << json.finished() << "\n";
  } else {
    streams.out << fmt::format("{} files and folders of {} are in {}\n", copy.count(), options.from, options.to);
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command disk_extract_command(const Ports& ports) {
  return command_line::command<DiskExtractOptions>(
      {.noun = "disk",
       .verb = "extract",
       .summary = "copy files out of a partition that is not mounted",
       .description = "Copies a file, or what is in a folder, from an ext4 partition. Links are left out. Files that "
                      "others may not read on the disk "
                      "are readable by you alone.",
       .examples = {"leaseback-provision disk extract alice.img --from system:/var/lib/leaseback --to alice/state"},
       .exits = {}},
      declare, [&ports](const DiskExtractOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace provision::cli
