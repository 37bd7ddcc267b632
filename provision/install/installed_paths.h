// Which files on a customer's machine are ours: what provisioning puts there and release takes away, and nothing else.
// The owner's files are all the others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/disk/file_tree.h"

namespace provision::install {
using namespace policies::vocabulary;

// Absolute path on the installed system. True for the folders of agent/contract/install_paths.h with all that is in
// them, for units, udev rules, users and temporary-file rules whose name is "leaseback" after an optional number
// ("90-leaseback.rules"), and for links to such units in /etc/systemd/system/*.wants.
bool is_ours(std::string_view path);

// What of ours is in the tree: the topmost paths, sorted. Removing each removes all.
Result<std::vector<std::string>> ours_in(disk::FileTree& tree);

// Removes all of that, and those of `made_folders` that are empty then; commits the tree.
Done remove_ours(disk::FileTree& tree, const std::vector<std::string>& made_folders);

// SHA-256 over all that is not ours below "/": path, kind, mode, uid, gid, content and target, in order of name. A
// folder that the installation made (`made_folders`, as its marker says) counts only when something of the owner's is
// in it. Times and
// "/lost+found" do not count.
Result<Digest> owner_digest(disk::FileTree& tree, const std::vector<std::string>& made_folders);

}  // namespace provision::install
