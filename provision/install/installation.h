// All that shall stand in one file tree: nodes, and the agent's bundle on top of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "images/bundle/manifest.h"
#include "provision/install/agent_bundle.h"
#include "provision/install/wanted_nodes.h"

namespace provision::install {

struct Installation {
  std::vector<WantedNode> nodes;
  std::optional<AgentBundle> bundle;  // none without agent
  std::optional<images::bundle::Manifest>
      manifest;  // of the bundle, verified; none: the bundle's files are not looked at
  std::int64_t mtime = 0;
};

Result<std::vector<std::string>> differences(disk::FileTree& tree, const Installation& wanted);

// Puts the nodes and the bundle, and commits the tree.
Done put(disk::FileTree& tree, images::files::Files& files, const Installation& wanted);

// The machine that a tree belongs to, as an earlier installation left it.
struct FoundIdentity {
  std::string device_key_pem;  // secret
  std::string voucher;         // DSSE
  std::vector<std::string> made_folders;
};
// nullopt when there is none; Corrupt when there is half of one.
Result<std::optional<FoundIdentity>> identity_in(disk::FileTree& tree);

}  // namespace provision::install
