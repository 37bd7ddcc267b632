#include "provision/image/boot_tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace provision::image {
namespace {

using images::bundle::Entry;
using images::bundle::EntryKind;
using images::bundle::Manifest;

bool boots(const Entry& entry) { return entry.kind == EntryKind::File && entry.path != images::bundle::image_map_path; }

std::string on_esp(const std::string& path) { return path.substr(images::bundle::boot_folder.size()); }

std::string prepared_name(const std::string& folder, std::size_t number) { return fmt::format("{}/boot-{}", folder, number); }

class PreparingSink final : public images::bundle::Sink {
 public:
  PreparingSink(images::files::Files& files, const std::string& folder) : files_(files), folder_(folder) {}
  Done begin(const Entry& entry) override {
    wanted_ = boots(entry);
    if (!wanted_) return {};
    path_ = prepared_name(folder_, number_++);
    if (Done gone = files_.remove(path_); !gone) return gone;
    return files_.append(path_, {}, images::files::Access::OwnerOnly);
  }
  Done write(std::string_view piece) override {
    return wanted_ ? files_.append(path_, piece, images::files::Access::OwnerOnly) : Done();
  }
  Done end(const Entry&) override { return {}; }

 private:
  images::files::Files& files_;
  std::string folder_;
  std::string path_;
  std::size_t number_ = 0;
  bool wanted_ = false;
};

}  // namespace

std::vector<PreparedFile> boot_tree(const VerifiedSystem& system, const std::string& folder) {
  std::vector<PreparedFile> files;
  for (const Entry& entry : system.bundle.manifest.entries)
    if (boots(entry)) files.push_back({on_esp(entry.path), prepared_name(folder, files.size()), entry.size, entry.sha256});
  return files;
}

Done prepare(images::files::Files& files, const VerifiedSystem& system, const std::string& folder) {
  PreparingSink sink(files, folder);
  return images::bundle::give_again(files, system.path, system.bundle, sink);
}

Done remove_prepared(images::files::Files& files, const VerifiedSystem& system, const std::string& folder) {
  for (const PreparedFile& file : boot_tree(system, folder))
    if (Done gone = files.remove(file.source); !gone) return gone;
  return {};
}

LoaderEntry loader_entry(const Manifest& manifest, const std::string& machine_id, const std::string& root) {
  const images::bundle::SystemContents& system = *manifest.system;
  if (system.kernel.empty()) return {};
  // systemd-boot takes a '+' in an entry's name for a count of tries.
  std::string version = manifest.version;
  std::replace_if(version.begin(), version.end(), [](char c) { return c == '+' || c == '~'; }, '_');
  LoaderEntry entry{fmt::format("/loader/entries/{}-{}.conf", machine_id, version), {}};
  entry.text = fmt::format("title {} {}\nversion {}\nmachine-id {}\nlinux {}\n", manifest.name, manifest.version, manifest.version, machine_id,
                           on_esp(system.kernel));
  if (!system.initrd.empty()) entry.text += fmt::format("initrd {}\n", on_esp(system.initrd));
  entry.text += fmt::format("options root=PARTUUID={} rw{}{}\n", root, system.kernel_options.empty() ? "" : " ", system.kernel_options);
  return entry;
}

}  // namespace provision::image
