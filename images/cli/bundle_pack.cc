// Turns built files into the archive of a bundle.
#include <ostream>

#include "images/cli/commands.h"
#include "images/cli/pack_list.h"
#include "policies/loading/strict_yaml.h"
#include "policies/vocabulary/json_text.h"

namespace images::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct BundlePackOptions {
  std::string list;
  std::vector<std::string> from;
  std::string version;
  std::string architecture = "amd64";
  std::string out;
  bool json = false;
};

void declare(BundlePackOptions& options, OptionList& list) {
  list.required("list", "FILE", options.list, "what goes in: a YAML file such as images/bundle/agent-bundle.yaml");
  list.repeated("from", "DIR", options.from,
                "where the list's files are looked for, in this order; give it once or more");
  list.required("version", "VERSION", options.version, "version of what is packed, starting with a digit");
  list.choice("architecture", options.architecture, {"amd64", "arm64", "all"}, "machines it is for");
  list.required("out", "FILE", options.out, "the archive to write");
  list.json(options.json);
}

Done check(const BundlePackOptions& options) {
  if (options.from.empty())
    return Error{ErrorCode::InvalidInput, "--from is missing: where are the files of the list?", {}};
  return {};
}

Result<ExitCode> run(const BundlePackOptions& options, const Ports& ports, Streams& streams) {
  const Result<std::string> yaml = ports.files.read(options.list, Bytes{policies::loading::yaml_size_max});
  if (!yaml) return yaml.error().within("reading the list");
  Result<PackList> read = pack_list_from(*yaml, options.list);
  if (!read) return read.error();
  Result<PackList> list = located(ports.files, std::move(*read), options.from);
  if (!list) return list.error().within("packing " + options.out);
  const bundle::PackOrder order{list->name, options.version, options.architecture, std::move(list->sources)};
  const Result<bundle::Manifest> packed = list->system ? bundle::pack_system(ports.files, order, *list->system, options.out)
                                                       : bundle::pack(ports.files, order, options.out);
  if (!packed) return packed.error();
  const Result<std::uint64_t> size = ports.files.size(options.out);
  if (!size) return size.error();
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("bundle").text(options.out).key("name").text(packed->name).key("version").text(packed->version);
    json.key("architecture")
        .text(packed->architecture)
        .key("entries")
        .number(static_cast<std::int64_t>(packed->entries.size()));
    if (packed->system)
      json.key("system").text(bundle::name_of(packed->system->kind)).key("system_bytes").bytes(packed->system->unpacked_size);
    streams.out << json.key("contents_bytes")
                       .bytes(packed->contents_size())
                       .key("archive_bytes")
                       .bytes({*size})
                       .end()
                       .finished()
                << "\n";
  } else {
    streams.out << "Packed " << packed->name << " " << packed->version << " for " << packed->architecture << ": "
                << packed->entries.size() << (packed->entries.size() == 1 ? " entry, " : " entries, ")
                << packed->contents_size().text();
    if (packed->system)
      streams.out << ", and an operating system (" << bundle::name_of(packed->system->kind) << ") of " << packed->system->unpacked_size.text();
    streams.out << ", as " << Bytes{*size}.text() << " in " << options.out << "\n";
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command bundle_pack_command(const Ports& ports) {
  return command_line::command<BundlePackOptions>(
      {.noun = "bundle",
       .verb = "pack",
       .summary = "pack files into a bundle, reproducibly",
       .description = "Packs the files that a list names, each under its path on the machine and with its mode. The "
                      "same list and the same "
                      "contents give the same bytes, whatever the times, owners and order of the files. The result "
                      "replaces FILE once it is "
                      "whole. Sign it next.\n\n"
                      "A list of kind os-archive or os-image packs an operating system: a tar archive, which is read in full "
                      "and put into the system partition file by file, or a raw ext4 filesystem, which is written as it is and grown; "
                      "with them the files of the boot partition.",
       .examples = {"leaseback-image bundle pack --list images/bundle/agent-bundle.yaml --from build/dev/bin --from . "
                    "--version 1.4.0 --out agent.bundle",
                    "leaseback-image bundle pack --list debian-12.yaml --from rootfs --version 12.8 --out debian-12.bundle"},
       .exits = {}},
      declare, [&ports](const BundlePackOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace images::cli
