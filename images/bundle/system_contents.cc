#include "images/bundle/system_contents.h"

#include <algorithm>

#include "images/bundle/manifest_json.h"

namespace images::bundle {
namespace {

constexpr std::size_t options_size_max = 1024;

bool is_network_program(std::string_view text) { return text.empty() || text == "systemd-networkd" || text == "NetworkManager"; }

Done check_boot_file(const std::vector<Entry>& entries, std::string_view what, const std::string& path) {
  if (path.empty()) return {};
  const bool there = std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.path == path && entry.kind == EntryKind::File;
  });
  return there ? Done{} : Done(invalid("the " + std::string(what) + " " + quoted(path) + " is no file among the entries"));
}

Done check_entries(const SystemContents& system, const std::vector<Entry>& entries) {
  bool map = false;
  for (const Entry& entry : entries) {
    const bool is_map = entry.path == image_map_path && entry.kind == EntryKind::File;
    map = map || is_map;
    const std::string_view path = entry.path;
    const bool boots = path.starts_with(boot_folder) && path.size() > boot_folder.size() && path[boot_folder.size()] == '/' &&
                       entry.kind != EntryKind::Link;
    if (!boots && !(is_map && system.kind == SystemKind::Image))
      return invalid(quoted(path) + " does not belong into the bundle of an operating system: only files and folders below " +
                     std::string(boot_folder) + " do");
  }
  if (system.kind == SystemKind::Image && !map) return invalid("the bundle of an image has no " + std::string(image_map_path));
  return {};
}

}  // namespace

std::string_view name_of(SystemKind kind) { return kind == SystemKind::Archive ? "os-archive" : "os-image"; }

Result<SystemContents> system_from(const boost::json::value& value) {
  Members members(value, "'system' of the manifest");
  SystemContents system;
  const Result<std::string> kind = members.text("kind");
  if (!kind) return kind.error();
  if (*kind != name_of(SystemKind::Archive) && *kind != name_of(SystemKind::Image))
    return invalid("an operating system is of kind os-archive or os-image, not " + quoted(*kind));
  system.kind = *kind == name_of(SystemKind::Image) ? SystemKind::Image : SystemKind::Archive;
  const std::pair<const char*, std::uint64_t*> numbers[] = {{"payload_bytes", &system.payload_size.count},
                                                            {"unpacked_bytes", &system.unpacked_size.count},
                                                            {"nodes", &system.nodes}};
  for (const auto& [name, field] : numbers) {
    const Result<std::uint64_t> number = members.number(name);
    if (!number) return number.error();
    *field = *number;
  }
  const std::pair<const char*, std::string*> texts[] = {{"network", &system.network},
                                                        {"kernel", &system.kernel},
                                                        {"initrd", &system.initrd},
                                                        {"kernel_options", &system.kernel_options}};
  for (const auto& [name, field] : texts) {
    Result<std::string> text = members.text(name);
    if (!text) return text.error();
    *field = std::move(*text);
  }
  if (Done known = members.nothing_else(); !known) return known.error();
  return system;
}

Done check_system(const SystemContents& system, const std::vector<Entry>& entries) {
  if (system.payload_size.count == 0 || system.payload_size > payload_size_max)
    return Error{ErrorCode::LimitExceeded, "an operating system takes 1 B to 64 GiB of a bundle, not " + system.payload_size.text(), {}};
  if (system.unpacked_size.count == 0 || system.unpacked_size > system_size_max)
    return Error{ErrorCode::LimitExceeded, "an operating system has 1 B to 1 TiB, not " + system.unpacked_size.text(), {}};
  const bool nodes = system.kind == SystemKind::Archive ? system.nodes > 0 && system.nodes <= system_nodes_max : system.nodes == 0;
  if (!nodes) return invalid("an archive has 1 to 2000000 nodes, an image none; not " + std::to_string(system.nodes));
  if (!is_network_program(system.network))
    return invalid("a network program is systemd-networkd or NetworkManager, not " + quoted(system.network));
  if (system.kernel.empty() && !system.initrd.empty()) return invalid("an initrd without a kernel: " + quoted(system.initrd));
  if (Done there = check_boot_file(entries, "kernel", system.kernel); !there) return there;
  if (Done there = check_boot_file(entries, "initrd", system.initrd); !there) return there;
  const std::string& options = system.kernel_options;
  const bool printable = std::all_of(options.begin(), options.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"'; });
  if (!printable || options.size() > options_size_max)
    return invalid("kernel options are at most 1024 printable ASCII characters without '\"', not " + quoted(options));
  return check_entries(system, entries);
}

void write_system(JsonText& json, const SystemContents& system) {
  json.object().key("kind").text(name_of(system.kind)).key("payload_bytes").bytes(system.payload_size);
  json.key("unpacked_bytes").bytes(system.unpacked_size).key("nodes").number(static_cast<std::int64_t>(system.nodes));
  json.key("network").text(system.network).key("kernel").text(system.kernel).key("initrd").text(system.initrd);
  json.key("kernel_options").text(system.kernel_options).end();
}

}  // namespace images::bundle
