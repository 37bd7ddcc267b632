#include "provision/install/installation.h"

#include <fmt/format.h>

#include "agent/contract/install_paths.h"

namespace provision::install {
namespace {

constexpr Bytes state_file_max = mebibytes(1);

Result<std::optional<std::string>> state_file(disk::FileTree& tree, std::string_view name) {
  auto text = tree.read_file(fmt::format("{}/{}", agent::contract::state_folder, name), state_file_max);
  if (text) return std::optional(std::move(*text));
  if (text.error().code == ErrorCode::NotFound) return std::optional<std::string>();
  return text.error();
}

}  // namespace

Result<std::vector<std::string>> differences(disk::FileTree& tree, const Installation& wanted) {
  auto differing = differences(tree, wanted.nodes);
  if (!differing || !wanted.manifest) return differing;
  const auto more = bundle_differences(tree, *wanted.manifest);
  if (!more) return more.error();
  differing->insert(differing->end(), more->begin(), more->end());
  return differing;
}

Done put(disk::FileTree& tree, images::files::Files& files, const Installation& wanted) {
  if (Done done = put(tree, wanted.nodes); !done) return done;
  if (wanted.bundle) {
    const auto manifest = put_bundle(tree, files, *wanted.bundle, wanted.mtime);
    if (!manifest) return manifest.error();
    if (wanted.manifest && *manifest != *wanted.manifest)
      return Error{ErrorCode::Corrupt,
                   fmt::format("the bundle {} is not the one that this run began with", wanted.bundle->path),
                   {}};
  }
  return tree.commit();
}

Result<std::optional<FoundIdentity>> identity_in(disk::FileTree& tree) {
  const auto key = state_file(tree, agent::contract::device_key_name);
  if (!key) return key.error();
  const auto voucher = state_file(tree, agent::contract::voucher_name);
  if (!voucher) return voucher.error();
  if (!*key && !*voucher) return std::optional<FoundIdentity>();
  if (!*key || !*voucher)
    return Error{
        ErrorCode::Corrupt,
        fmt::format("the disk has a {} but no {}", *key ? "device key" : "voucher", *key ? "voucher" : "device key"),
        {}};
  FoundIdentity found{**key, **voucher, {}};
  const auto text = state_file(tree, marker_name);
  if (!text) return text.error();
  if (*text) {
    auto marker = marker_from(**text);
    if (!marker) return marker.error();
    found.made_folders = std::move(marker->made_folders);
  }
  return std::optional(std::move(found));
}

}  // namespace provision::install
