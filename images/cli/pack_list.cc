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

}  // namespace

Result<PackList> pack_list_from(std::string_view yaml, std::string file) {
  Result<StrictYaml> parsed = StrictYaml::parse(yaml, std::move(file));
  if (!parsed) return parsed.error();
  Section root = parsed->root();
  static_cast<void>(root.one_of<int>("kind", {{"bundle-list", 0}}));
  PackList list;
  list.name = root.name("name");
  for (Section& entry : root.sections("entries", {1, bundle::entries_max})) list.sources.push_back(source_from(entry));
  if (Done whole = parsed->finish(); !whole) return whole.error();
  return list;
}

Result<std::vector<Source>> located(files::Files& files, std::vector<Source> sources,
                                    const std::vector<std::string>& folders) {
  std::string missing;
  for (Source& source : sources) {
    if (source.kind != EntryKind::File) continue;
    bool found = false;
    for (std::size_t i = 0; i < folders.size() && !found; ++i) {
      const std::string path = folders[i] + "/" + source.content;
      const Result<bool> there = files.exists(path);
      if (!there) return there.error();
      if (*there) source.content = path;
      found = *there;
    }
    if (!found) missing += (missing.empty() ? "'" : ", '") + source.content + "'";
  }
  if (missing.empty()) return sources;
  std::string looked;
  for (const std::string& folder : folders) looked += (looked.empty() ? "'" : ", '") + folder + "'";
  return Error{
      ErrorCode::NotFound, missing + " not found below " + looked + "; build it, or name its folder with --from", {}};
}

}  // namespace images::cli
