#include "images/cli/pack_list.h"

#include "policies/loading/strict_yaml.h"

namespace images::cli {
namespace {

using bundle::EntryKind;
using bundle::Source;
using policies::loading::Section;
using policies::loading::StrictYaml;

Source source_from(Section entry) {
  Source source;
  source.kind = entry.one_of<EntryKind>(
      "kind", {{"file", EntryKind::File}, {"directory", EntryKind::Directory}, {"link", EntryKind::Link}});
  source.path = entry.text("path", {1, bundle::path_size_max});
  if (source.kind == EntryKind::Link) {
    source.target = entry.text("target", {1, bundle::path_size_max});
  } else {
    source.mode = entry.read("mode", bundle::mode_from);
  }
  if (source.kind == EntryKind::File) source.content = entry.text("from", {1, 1000});
  return source;
}

bundle::SystemOrder system_from(Section root, bundle::SystemKind kind) {
  bundle::SystemOrder system;
  system.kind = kind;
  system.content = root.text("from", {1, 1000});
  system.network = root.text_or("network", "");
  system.kernel = root.text_or("kernel", "", {1, bundle::path_size_max});
  system.initrd = root.text_or("initrd", "", {1, bundle::path_size_max});
  system.kernel_options = root.text_or("kernel_options", "", {0, 1024});
  return system;
}

Result<bool> find_content(files::Files& files, std::string& content, const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    const std::string path = content.starts_with('/') ? content : folder + "/" + content;
    const Result<bool> there = files.exists(path);
    if (!there) return there;
    if (*there) content = path;
    if (*there) return true;
  }
  return false;
}

}  // namespace

Result<PackList> pack_list_from(std::string_view yaml, std::string file) {
  Result<StrictYaml> parsed = StrictYaml::parse(yaml, std::move(file));
  if (!parsed) return parsed.error();
  Section root = parsed->root();
  enum class Kind { Files, Archive, Image };
  const Kind kind = root.one_of<Kind>("kind", {{"bundle-list", Kind::Files}, {"os-archive", Kind::Archive}, {"os-image", Kind::Image}});
  PackList list;
  list.name = root.name("name");
  if (kind != Kind::Files) list.system = system_from(root, kind == Kind::Image ? bundle::SystemKind::Image : bundle::SystemKind::Archive);
  for (Section& entry : kind == Kind::Files ? root.sections("entries", {1, bundle::entries_max})
                                            : root.sections_or_none("entries", bundle::entries_max))
    list.sources.push_back(source_from(entry));
  if (Done whole = parsed->finish(); !whole) return whole.error();
  return list;
}

Result<PackList> located(files::Files& files, PackList list, const std::vector<std::string>& folders) {
  std::vector<std::string*> contents;
  for (Source& source : list.sources)
    if (source.kind == EntryKind::File) contents.push_back(&source.content);
  if (list.system) contents.push_back(&list.system->content);
  std::string missing;
  for (std::string* content : contents) {
    const Result<bool> found = find_content(files, *content, folders);
    if (!found) return found.error();
    if (!*found) missing += (missing.empty() ? "'" : ", '") + *content + "'";
  }
  if (missing.empty()) return list;
  std::string looked;
  for (const std::string& folder : folders) looked += (looked.empty() ? "'" : ", '") + folder + "'";
  return Error{
      ErrorCode::NotFound, missing + " not found below " + looked + "; build it, or name its folder with --from", {}};
}

}  // namespace images::cli
