// The agent's programs and units, from a verified bundle into a file tree. Nothing of a bundle is believed before its
// signature and every digest were found right, and none of it may lie where the owner's files are.
#pragma once

#include <string>
#include <vector>

#include "images/bundle/bundle.h"
#include "provision/install/system_tree.h"

namespace provision::install {

struct AgentBundle {
  std::string path;
  std::vector<images::keys::PublicKey> trusted;
};

// Of one file: it is held in memory while it is written.
inline constexpr Bytes bundle_file_max = mebibytes(256);

// The manifest of a bundle whose signature and contents are right. Refused when an entry is not ours to put
// (installed_paths.h), except folders, which may lead to ours; LimitExceeded for files above bundle_file_max.
Result<images::bundle::Manifest> verified_manifest(images::files::Files& files, const AgentBundle& bundle);

// The nodes that a manifest asks for, its files without their bytes: for `missing_folders` and for reading back.
WantedNodes manifest_nodes(const images::bundle::Manifest& manifest, std::int64_t mtime);

// The paths in the tree that differ from the manifest in kind, mode, owner or digest, and the links that should enable
// its units.
Result<std::vector<std::string>> bundle_differences(disk::FileTree& tree, const images::bundle::Manifest& manifest);

// Puts everything, then the links. Verifies again on the way: an archive that changed since verified_manifest is
// Corrupt, and the tree must be thrown away.
Result<images::bundle::Manifest> put_bundle(disk::FileTree& tree, images::files::Files& files,
                                            const AgentBundle& bundle, std::int64_t mtime);

}  // namespace provision::install
