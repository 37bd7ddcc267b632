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
  Result<PackList> list = pack_list_from(*yaml, options.list);
  if (!list) return list.error();
  Result<std::vector<bundle::Source>> sources = located(ports.files, std::move(list->sources), options.from);
  if (!sources) return sources.error().within("packing " + options.out);
  const Result<bundle::Manifest> packed =
      bundle::pack(ports.files, {list->name, options.version, options.architecture, std::move(*sources)}, options.out);
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
                << packed->contents_size().text() << ", as " << Bytes{*size}.text() << " in " << options.out << "\n";
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
                      "whole. Sign it next.",
       .examples = {"leaseback-image bundle pack --list images/bundle/agent-bundle.yaml --from build/dev/bin --from . "
                    "--version 1.4.0 --out agent.bundle"},
       .exits = {}},
      declare, [&ports](const BundlePackOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace images::cli
