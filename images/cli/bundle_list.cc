// Shows what a bundle says that it contains.
#include <ostream>

#include "images/bundle/bundle.h"
#include "images/cli/commands.h"
#include "policies/command_line/table.h"
#include "policies/vocabulary/json_text.h"

namespace images::cli {
namespace {

using bundle::Entry;
using bundle::EntryKind;
using command_line::Align;
using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;
using command_line::Table;

struct BundleListOptions {
  std::string file;
  bool json = false;
};

void declare(BundleListOptions& options, OptionList& list) {
  list.word("FILE", options.file, "the bundle");
  list.json(options.json);
}

void print_json(const bundle::Manifest& manifest, Streams& streams) {
  JsonText json(JsonLayout::Indented);
  json.object()
      .key("name")
      .text(manifest.name)
      .key("version")
      .text(manifest.version)
      .key("architecture")
      .text(manifest.architecture);
  if (manifest.system) {
    json.key("system").object().key("kind").text(name_of(manifest.system->kind)).key("unpacked_bytes").bytes(manifest.system->unpacked_size);
    json.key("payload_bytes").bytes(manifest.system->payload_size).key("nodes").number(static_cast<std::int64_t>(manifest.system->nodes));
    json.key("network").text(manifest.system->network).key("kernel").text(manifest.system->kernel).key("initrd").text(manifest.system->initrd);
    json.key("kernel_options").text(manifest.system->kernel_options).end();
  }
  json.key("entries").array();
  for (const Entry& entry : manifest.entries) {
    json.object().key("path").text(entry.path).key("kind").text(name_of(entry.kind));
    if (entry.kind == EntryKind::Link) {
      json.key("target").text(entry.target);
    } else {
      json.key("mode").text(bundle::mode_text(entry.mode));
    }
    if (entry.kind == EntryKind::File) json.key("size_bytes").bytes(entry.size).key("sha256").id(entry.sha256);
    json.end();
  }
  streams.out << json.end().end().finished() << "\n";
}

Result<ExitCode> run(const BundleListOptions& options, const Ports& ports, Streams& streams) {
  const Result<bundle::Manifest> manifest = bundle::inspect(ports.files, options.file);
  if (!manifest) return manifest.error();
  if (options.json) {
    print_json(*manifest, streams);
    return ExitCode::Done;
  }
  streams.out << manifest->name << " " << manifest->version << " for " << manifest->architecture
              << " (as it says of itself; 'bundle verify' checks who says so)\n\n";
  if (manifest->system)
    streams.out << "An operating system (" << bundle::name_of(manifest->system->kind) << ") of " << manifest->system->unpacked_size.text() << ", and:\n\n";
  Table table({{"mode"}, {"bytes", Align::Right}, {"path"}});
  for (const Entry& entry : manifest->entries) {
    const bool link = entry.kind == EntryKind::Link;
    const std::string ending = link ? " -> " + entry.target : entry.kind == EntryKind::Directory ? "/" : "";
    table.row({link ? "link" : bundle::mode_text(entry.mode),
               entry.kind == EntryKind::File ? std::to_string(entry.size.count) : "", entry.path + ending});
  }
  streams.out << table.text(streams.width);
  return ExitCode::Done;
}

}  // namespace

command_line::Command bundle_list_command(const Ports& ports) {
  return command_line::command<BundleListOptions>(
      {.noun = "bundle",
       .verb = "list",
       .summary = "list what a bundle contains",
       .description =
           "Lists paths, modes and sizes, and holds the contents against the manifest. It verifies no signature.",
       .examples = {"leaseback-image bundle list agent.bundle"},
       .exits = {}},
      declare, [&ports](const BundleListOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace images::cli
